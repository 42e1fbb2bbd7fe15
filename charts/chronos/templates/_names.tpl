{{/* Names and labels. Every object is called <release>-<component>. */}}

{{- define "chronos.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: chronos
{{ include "chronos.selector" . }}
{{- end }}

{{- define "chronos.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "chronos.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- define "chronos.testImage" -}}
{{- $tag := .Values.tests.image.tag | default .Values.image.tag | default .Chart.AppVersion -}}
{{ printf "%s:%s" (.Values.tests.image.repository | default .Values.image.repository) $tag }}
{{- end }}

{{/* The account of "operator" or "api": dict "root" . "component" "api". */}}
{{- define "chronos.serviceAccount" -}}
{{- $account := index .root.Values.serviceAccounts .component -}}
{{- $made := printf "%s-%s" .root.Release.Name .component -}}
{{ $account.name | default (ternary $made "default" $account.create) }}
{{- end }}

{{- define "chronos.apiKeySecret" -}}
{{ .Values.apiKey.existingSecret | default (printf "%s-api-key" .Release.Name) }}
{{- end }}

{{- define "chronos.apiKeyDataKey" -}}
{{ ternary "api-key" .Values.apiKey.existingSecretKey (empty .Values.apiKey.existingSecret) }}
{{- end }}

{{/* Empty where the pods' own identity opens the store. */}}
{{- define "chronos.objectStoreSecret" -}}
{{- $made := ternary (printf "%s-objectstore" .Release.Name) "" .Values.objectStore.embedded.enabled -}}
{{ .Values.objectStore.existingSecret | default $made }}
{{- end }}

{{- define "chronos.objectStoreEndpoint" -}}
{{- with .Values.objectStore -}}
{{- if .embedded.enabled -}}
{{ printf "http://%s-objectstore.%s.svc:%d" $.Release.Name $.Release.Namespace (int .embedded.service.port) }}
{{- else -}}
{{ .endpoint }}
{{- end -}}
{{- end -}}
{{- end }}
