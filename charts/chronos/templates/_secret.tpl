{{/*
A value that this chart makes once: what the Secret in the cluster holds, else a random one.
dict "root" . "secret" NAME "key" KEY "length" N. Remembered in .Values, so that the Secret and the
digest which restarts its readers speak of the same value on the first install, too.
*/}}
{{- define "chronos.keptValue" -}}
{{- $kept := get .root.Values "kept" | default dict -}}
{{- $_ := set .root.Values "kept" $kept -}}
{{- $place := printf "%s/%s" .secret .key -}}
{{- if not (hasKey $kept $place) -}}
{{- $found := (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict -}}
{{- $_ := set $kept $place (get $found .key | b64dec | default (randAlphaNum (int .length))) -}}
{{- end -}}
{{ get $kept $place }}
{{- end }}

{{- define "chronos.apiKey" -}}
{{ include "chronos.keptValue" (dict "root" . "secret" (include "chronos.apiKeySecret" .) "key" "api-key" "length" 48) }}
{{- end }}

{{- define "chronos.accessKeyId" -}}
{{ include "chronos.keptValue" (dict "root" . "secret" (include "chronos.objectStoreSecret" .) "key" "access-key-id" "length" 20) }}
{{- end }}

{{- define "chronos.secretAccessKey" -}}
{{ include "chronos.keptValue" (dict "root" . "secret" (include "chronos.objectStoreSecret" .) "key" "secret-access-key" "length" 48) }}
{{- end }}

{{/*
Pod annotations that change when a Secret does. Of a value made here, which is long and random, a
digest; of a user's Secret, which may be guessable, only the version the cluster counts.
*/}}
{{- define "chronos.apiKeyVersion" -}}
{{- if .Values.apiKey.existingSecret -}}
{{ include "chronos.resourceVersion" (dict "root" . "secret" .Values.apiKey.existingSecret) }}
{{- else -}}
{{ include "chronos.apiKey" . | sha256sum | trunc 16 }}
{{- end -}}
{{- end }}

{{- define "chronos.objectStoreSecretVersion" -}}
{{- if .Values.objectStore.existingSecret -}}
{{ include "chronos.resourceVersion" (dict "root" . "secret" .Values.objectStore.existingSecret) }}
{{- else if .Values.objectStore.embedded.enabled -}}
{{ printf "%s:%s" (include "chronos.accessKeyId" .) (include "chronos.secretAccessKey" .) | sha256sum | trunc 16 }}
{{- end -}}
{{- end }}

{{- define "chronos.resourceVersion" -}}
{{ (lookup "v1" "Secret" .root.Release.Namespace .secret).metadata | default dict | dig "resourceVersion" "" }}
{{- end }}
