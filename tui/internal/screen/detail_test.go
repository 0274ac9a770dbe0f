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

func TestWhatWasHeardAndWhatIsAssumedIsSaid(t *testing.T) {
	theme := style.New(style.Options{Profile: termenv.Ascii})
	s := &protocol.Stream{
		DTMFInband: "123#", Tones: []string{"cng", "ced"}, Via: protocol.ViaTURN, Relayed: "192.0.2.9:50000", Encrypted: true,
		Keying: protocol.KeyedByZRTP, MOSBasis: protocol.MOSAssumed,
	}
	text := strings.Join(streamFacts(theme, s, 80), "\n")
	for _, want := range []string{"123#", "cng, ced", "through TURN, relayed at 192.0.2.9:50000", "ZRTP", "codec unknown: as G.711"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the stream:\n%s", want, text)
		}
	}
	for want, c := range map[string]*protocol.CDR{
		"joined in the middle, who called is assumed": {Joined: true, PartiesAssumed: true},
		"joined in the middle":                        {Joined: true},
		"":                                            {},
	} {
		if got := strings.Join(facts(c), "; "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
