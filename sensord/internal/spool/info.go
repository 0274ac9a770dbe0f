package spool

import (
	"strings"
	"time"

	"voiptop/protocol"
)

// Info is what a capture says of itself, in comments of its section header.
type Info struct {
	CallID  string
	Caller  string
	Callee  string
	Start   protocol.Time
	Sensor  string        // that kept it
	Rule    string        // that decided
	Keep    protocol.Keep // what of the packets was kept; the most, if rules changed while the call ran
	NoAudio bool          // the rule says that it may not be listened to
	Masked  bool          // the rule says that digits are blanked
	Partial bool          // packets are missing that the rule wants
}

// The comments are lines of this form; each is an option of its own, so that no value can forge another.
const (
	keyCallID  = "Call-ID: "
	keyFrom    = "From: "
	keyTo      = "To: "
	keyStart   = "Start: "
	keySensor  = "Sensor: "
	keyRule    = "Rule: "
	keyKeep    = "Keep: "
	keyAudio   = "Audio: "
	keyDigits  = "Digits: "
	keyPartial = "Partial: "

	audioOff    = "off"
	digitsGone  = "masked"
	partialText = "packets are missing that the rule wants"
)

// comments writes i. Values are cut to pcapng.MaxComment by whoever appends them.
func (i *Info) comments() []string {
	c := []string{keyCallID + i.CallID, keyFrom + i.Caller, keyTo + i.Callee, keyStart + i.Start.String()}
	if i.Sensor != "" {
		c = append(c, keySensor+i.Sensor)
	}
	c = append(c, keyRule+i.Rule, keyKeep+string(i.Keep))
	if i.NoAudio {
		c = append(c, keyAudio+audioOff)
	}
	if i.Masked {
		c = append(c, keyDigits+digitsGone)
	}
	if i.Partial {
		c = append(c, keyPartial+partialText)
	}
	return c
}

// readInfo is the inverse of Info.comments. Of a value that is there twice the first counts.
func readInfo(comments []string) (i Info) {
	text := func(c, key string, to *string) bool {
		v, ok := strings.CutPrefix(c, key)
		if ok && *to == "" {
			*to = v
		}
		return ok
	}
	start, keep := "", ""
	for _, c := range comments {
		switch {
		case text(c, keyCallID, &i.CallID), text(c, keyFrom, &i.Caller), text(c, keyTo, &i.Callee), text(c, keyStart, &start),
			text(c, keySensor, &i.Sensor), text(c, keyRule, &i.Rule), text(c, keyKeep, &keep):
		case c == keyAudio+audioOff:
			i.NoAudio = true
		case c == keyDigits+digitsGone:
			i.Masked = true
		case strings.HasPrefix(c, keyPartial):
			i.Partial = true
		}
	}
	i.Keep = protocol.Keep(keep)
	if t, err := time.Parse(time.RFC3339Nano, start); err == nil {
		i.Start = protocol.TimeOf(t)
	}
	return i
}
