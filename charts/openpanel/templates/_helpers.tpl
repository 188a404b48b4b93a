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
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "openpanel.labels" -}}
{{ include "openpanel.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: openpanel
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
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
  resources: [panelclusters/status, analyticsprojects/status, analyticsprojects/scale]
  verbs: [get, patch, update]
- apiGroups: [""]
  resources: [services, configmaps, persistentvolumeclaims, serviceaccounts, resourcequotas]
  verbs: [get, list, watch, create, patch, update, delete]
# Secrets are read by name, or watched by the operator's own label; rules cannot name labels, so there is no list
# of what others made: see docs/operations.md.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, update, delete]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [get, patch, update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects, triggerauthentications]
  verbs: [get, list, watch, create, patch, update, delete]
{{- end -}}
