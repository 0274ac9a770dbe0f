package store

import (
	"time"

	"voiptop/protocol"
)

// RuleSet is one revision of the capture rules that a tenant has in hosted, for all its sensors.
type RuleSet struct {
	Tenant   TenantID
	Revision uint64 // from 1, each change one more; 0: none were written yet
	Text     string // a rule file of package rules
	Author   string
	Changed  time.Time
}

// RuleHistory is how many revisions of a tenant's rules are kept, the current one included.
const RuleHistory = 100

// SensorRules is what a sensor said last of the rules that it applies.
type SensorRules struct {
	Local   uint64            `json:"local"`             // revision of its own rules
	Hosted  uint64            `json:"hosted"`            // revision of the tenant's rules that is in force, 0: none
	Problem *protocol.Problem `json:"problem,omitempty"` // why it does not apply the tenant's rules, nil: it does
}
