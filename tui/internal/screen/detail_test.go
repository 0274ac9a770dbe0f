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
	d := &detail{e: &env{Config: Config{Theme: style.New(style.Options{Profile: termenv.Ascii}), Zone: time.UTC}}, cdr: &protocol.CDR{DTMFInfo: "42#"}}
	for cseq, want := range map[string]bool{"2 INFO": true, "1 INVITE": false} {
		text := strings.Join(d.messageFacts(&protocol.Message{CSeq: cseq}, 1, 80), "\n")
		if got := strings.Contains(text, "42#"); got != want {
			t.Errorf("at %s: shown %v, want %v:\n%s", cseq, got, want, text)
		}
	}
}
