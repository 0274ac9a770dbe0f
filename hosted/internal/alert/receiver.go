package alert

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says how a receiver is told.
type Kind string

// The kinds of receivers.
const (
	KindWebhook Kind = "webhook" // Message as JSON, signed
	KindSlack   Kind = "slack"   // {"text": ...}: Slack, Mattermost, Rocket.Chat, Google Chat
	KindTeams   Kind = "teams"   // an adaptive card: Microsoft Teams' workflows
	KindMail    Kind = "mail"
)

// Receiver is somebody who is told, as it is stored. URL and Key are secrets: whoever has them may write there.
type Receiver struct {
	Name      string   `json:"name"`
	Kind      Kind     `json:"kind"`
	URL       string   `json:"url"`       // of a webhook
	Key       string   `json:"key"`       // that webhooks are signed with, "": they are not
	Addresses []string `json:"addresses"` // of mail
}

const (
	maxURL       = 2000
	maxAddresses = 20
	minKey       = 16
)

// Check says what is wrong with a receiver; the error is an *Error.
func (r *Receiver) Check() error {
	switch {
	case strings.TrimSpace(r.Name) == "" || utf8.RuneCountInString(r.Name) > maxName || strings.ContainsAny(r.Name, "\r\n\x00"):
		return wrong("name", fmt.Sprintf("give one line of up to %d characters", maxName), "%q cannot be used", r.Name)
	case !slices.Contains([]Kind{KindWebhook, KindSlack, KindTeams, KindMail}, r.Kind):
		return wrong("kind", "give webhook, slack, teams or mail", "%q is not known", r.Kind)
	case (r.Kind == KindMail) != (r.URL == ""):
		return wrong("url", "webhook, slack and teams have one, mail has none", "does not fit to the kind %s", r.Kind)
	case (r.Kind == KindMail) != (len(r.Addresses) > 0) || len(r.Addresses) > maxAddresses:
		return wrong("addresses", fmt.Sprintf("mail has 1 to %d, others have none", maxAddresses), "do not fit to the kind %s", r.Kind)
	case r.Key != "" && r.Kind != KindWebhook:
		return wrong("key", "leave it out", "is of no use: only the kind webhook is signed")
	case r.Key != "" && (len(r.Key) < minKey || len(r.Key) > 200):
		return wrong("key", fmt.Sprintf("give %d to 200 bytes", minKey), "has %d bytes", len(r.Key))
	}
	for _, a := range r.Addresses {
		if err := CheckAddress(a); err != nil {
			return wrong("addresses", "give addresses like noc@example.org", "cannot be used: %v", err)
		}
	}
	if r.URL == "" {
		return nil
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "" || u.Fragment != "" || len(r.URL) > maxURL {
		return wrong("url", "give a whole one, https://...", "cannot be used") // its text is a secret
	}
	return nil
}

// Masked is the receiver as it may be shown: where it goes, and nothing that lets one write there.
func (r Receiver) Masked() Receiver {
	r.URL = maskURL(r.URL)
	if r.Key != "" {
		r.Key = Mask
	}
	return r
}

// Mask stands for what is not shown. A change that has it in the place of a secret leaves that as it is.
const Mask = "********"

func maskURL(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil {
		return Mask
	}
	return u.Scheme + "://" + u.Host + "/" + Mask
}

// Keep puts the secrets of the receiver as it was in where the change has them masked.
func (r *Receiver) Keep(old Receiver) {
	if r.URL != "" && r.URL == maskURL(old.URL) {
		r.URL = old.URL
	}
	if r.Key == Mask {
		r.Key = old.Key
	}
}
