{{/* What the operator and the API may do; each verb is used, and nothing else is. */}}

{{- define "chronos.operatorRules" -}}
- apiGroups: [chronos.dev]
  resources: [chronosjobs, chronoscalendars]
  verbs: [get, list, watch]
# patch: what an execution asked for by hand leaves out is filled in.
- apiGroups: [chronos.dev]
  resources: [chronosexecutions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [chronos.dev]
  resources: [chronosjobs/status, chronosexecutions/status]
  verbs: [patch]
# patch: a run that a newer one replaces is told to end.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "chronos.apiRules" -}}
- apiGroups: [chronos.dev]
  resources: [chronosjobs]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [chronos.dev]
  resources: [chronoscalendars]
  verbs: [get, list, create, update, delete]
- apiGroups: [chronos.dev]
  resources: [chronosexecutions]
  verbs: [get, list, watch, create]
# A Role grants this for its own namespace, too.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}
