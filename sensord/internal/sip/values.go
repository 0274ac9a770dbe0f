package sip

// Next divides the first value off a list of values, such as that of a Contact field (RFC 3261 section 7.3.1): at the first
// comma outside of quotes and angle brackets. rest is nil after the last value.
func Next(list []byte) (value, rest []byte) { return firstValue(list) }
