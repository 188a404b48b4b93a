{{- /* What all pods of this chart have, so that one that comes up shows that the others can. */}}
{{- define "openpanel.placed" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets: {{- range . }}{{ printf "- name: %s" . | nindent 2 }}{{ end }}
{{- end }}
{{- with .Values.operator.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.operator.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* For those that run once: the same kind of nodes, and nothing about the operator's other copies. */}}
{{- define "openpanel.once" -}}
restartPolicy: Never
{{- include "openpanel.placed" . }}
{{- with (.Values.operator.affinity).nodeAffinity }}
affinity:
  nodeAffinity: {{- toYaml . | nindent 4 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "openpanel.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Labels of what this chart makes beside the operator: nothing that looks for its pods finds these. */}}
{{- define "openpanel.beside" -}}
{{- $own := dict "app.kubernetes.io/name" (printf "openpanel-%s" .part) "app.kubernetes.io/instance" .root.Release.Name }}
{{- $_ := set $own "app.kubernetes.io/component" .part }}
{{- $_ := set $own "app.kubernetes.io/part-of" "openpanel" }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- include "openpanel.joined" (list $own .root.Values.global.commonLabels) }}
{{- end -}}

{{- /* Maps as one, the last of a key wins: a key that is written twice is no YAML for everybody. */}}
{{- define "openpanel.joined" -}}
{{- $all := dict }}
{{- range . }}{{ range $key, $value := . }}{{ $_ := set $all $key $value }}{{ end }}{{ end }}
{{- toYaml $all }}
{{- end -}}
