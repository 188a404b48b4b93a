{{- define "openpanel.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "openpanel.operator" -}}
{{- printf "%s-operator" (include "openpanel.name" .) -}}
{{- end -}}

{{- define "openpanel.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "openpanel.operator" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "openpanel.selector" -}}
app.kubernetes.io/name: openpanel-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "openpanel.labels" -}}
{{- $own := include "openpanel.selector" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/component" "operator" }}
{{- $_ := set $own "app.kubernetes.io/part-of" "openpanel" }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version) }}
{{- include "openpanel.joined" (list $own .Values.global.commonLabels) }}
{{- end -}}

{{- define "openpanel.image" -}}
{{- $registry := .Values.global.imageRegistry -}}
{{- $image := .Values.operator.image -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{- define "openpanel.rules" -}}
- apiGroups: [openpanel.dev]
  resources: [panelclusters, analyticsprojects]
  verbs: [get, list, watch, patch]
- apiGroups: [openpanel.dev]
  resources: [panelclusters/status, analyticsprojects/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [services, configmaps, resourcequotas]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch]
# Secrets are read by name, or watched by the operator's own label; rules cannot name labels, so there is no list
# of what others made: see docs/operations.md.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, patch, delete]
# Those that it tells, and those of controllers that may not make a pod.
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects, triggerauthentications]
  verbs: [get, list, watch, create, patch, delete]
{{- end -}}
