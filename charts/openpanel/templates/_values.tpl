{{- /* What the schema cannot say: as a part of another chart this one is given that one's global values, too. */}}
{{- define "openpanel.checked" -}}
{{- if .Chart.IsRoot }}
{{- range $name := keys .Values.global | sortAlpha }}
{{- if not (has $name (list "imageRegistry" "imagePullSecrets" "commonLabels")) }}
{{- fail (printf "global.%s is no value of this chart; global has imageRegistry, imagePullSecrets and commonLabels" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
