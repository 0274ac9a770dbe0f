package screen

import (
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

func TestDigitsSentByINFOAreShownAtItsMessages(t *testing.T) {
	d := &detail{prefs: newSettings(nil), e: &env{Config: Config{Theme: style.New(style.Options{Profile: termenv.Ascii}), Zone: time.UTC}, set: newSettings(nil)}, texts: &texts{}}
	for cseq, want := range map[string]bool{"2 INFO": true, "1 INVITE": false} {
		c := &protocol.CDR{DTMFInfo: "42#", Messages: []protocol.Message{{CSeq: cseq}}}
		d.take(c, nil)
		text := strings.Join(d.messageFacts(c, d.row(), 80), "\n")
		if got := strings.Contains(text, "42#"); got != want {
			t.Errorf("at %s: shown %v, want %v:\n%s", cseq, got, want, text)
		}
	}
}
