package diagnose

// Codes are those of the findings of calls.
func Codes() []string {
	out := make([]string, len(checks))
	for i := range checks {
		out[i] = checks[i].code
	}
	return out
}

// OutsideCodes are those of the findings of requests outside of calls.
func OutsideCodes() []string {
	return []string{"options-unanswered", "register-storm", "register-flood", "scanner"}
}
