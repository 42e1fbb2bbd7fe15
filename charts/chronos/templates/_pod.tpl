{{/* Parts of pods: what the restricted standard asks for, where they run, what they are told. */}}

{{/* dict "root" . "volume" true: fsGroup only for pods that own a volume. */}}
{{- define "chronos.podSecurityContext" -}}
runAsNonRoot: true
{{- with .root.Values.podSecurity }}
{{- if not (kindIs "invalid" .runAsUser) }}
runAsUser: {{ int64 .runAsUser }}
{{- end }}
{{- if not (kindIs "invalid" .runAsGroup) }}
runAsGroup: {{ int64 .runAsGroup }}
{{- end }}
{{- if and $.volume (not (kindIs "invalid" .fsGroup)) }}
fsGroup: {{ int64 .fsGroup }}
# Without this every start would walk the whole store to chown it.
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "chronos.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* Where a pod runs: dict "root" . "values" (operator's, API's or store's). */}}
{{- define "chronos.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* What operator and API are both told: dict "root" . "values" (operator's or API's). */}}
{{- define "chronos.environment" -}}
- name: CHRONOS_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: CHRONOS_WATCH_NAMESPACES
  value: {{ join "," .root.Values.operator.watchNamespaces | quote }}
- name: CHRONOS_LOG_LEVEL
  value: {{ .values.logLevel }}
{{ include "chronos.objectStoreEnvironment" .root }}
{{- end }}

{{- define "chronos.objectStoreEnvironment" -}}
- name: CHRONOS_S3_ENDPOINT
  value: {{ include "chronos.objectStoreEndpoint" . | quote }}
{{- with .Values.objectStore }}
- name: CHRONOS_S3_BUCKET
  value: {{ .bucket | quote }}
- name: CHRONOS_S3_REGION
  value: {{ .region | quote }}
# The programs put it before each key as it is.
- name: CHRONOS_S3_PREFIX
  value: {{ empty .prefix | ternary "" (printf "%s/" .prefix) | quote }}
- name: CHRONOS_S3_PATH_STYLE
  value: {{ or .embedded.enabled .pathStyle | quote }}
{{- if .caBundle.configMap }}
- name: AWS_CA_BUNDLE
  value: /etc/chronos/s3-ca/{{ .caBundle.key }}
{{- end }}
{{- end }}
{{- with include "chronos.objectStoreSecret" . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: access-key-id
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: secret-access-key
{{- end }}
{{- end }}

{{- define "chronos.caBundleMount" -}}
{{- if .Values.objectStore.caBundle.configMap -}}
- name: s3-ca
  mountPath: /etc/chronos/s3-ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "chronos.caBundleVolume" -}}
{{- if .Values.objectStore.caBundle.configMap -}}
- name: s3-ca
  configMap:
    name: {{ .Values.objectStore.caBundle.configMap }}
{{- end }}
{{- end }}
