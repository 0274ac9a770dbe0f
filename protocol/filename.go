package protocol

import "strings"

// maxNameNumber bounds what of a number stands in the name of a file.
const maxNameNumber = 40

// FileName names a file with something of the call: when it began, who called whom, and end, its extension and what may be needed
// to tell it from that of another call. Nothing of it means anything to a file system or a shell: 20261122-100000_1001_1002.pcapng.
func (c *CDR) FileName(end string) string {
	return c.Start.Std().Format("20060102-150405") + "_" + safe(c.Caller) + "_" + safe(c.Callee) + end
}

// safe keeps the characters of a number that every file system and shell takes.
func safe(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '+', r == '-':
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), maxNameNumber)]
}
