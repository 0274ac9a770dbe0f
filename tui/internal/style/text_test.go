package style

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
)

// hostile are texts that SIP headers of strangers carry, or could.
var hostile = []string{
	"", "1001", "Zoë", "Žluťoučký kůň", "名前", "株式会社テスト", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "a\x00b", "\xff\xfe\xfd",
	"\u202eevil", "\u200bzero", "👩‍👩‍👧‍👦", "🇨🇿🇩🇪", "👍🏽", "e\u0301e\u0301", "e" + strings.Repeat("\u0301", 50), "नमस्ते", "ไทย", "한글", "\u1112\u1161\u11ab",
	"tab\there", "line\nbreak\r\n", "☎️", "\u2028", "\U000e0041", "\U0010ffff", "a\u00a0b", "ＡＢＣ", "\u00ad", "\u115f",
}

func themes() map[string]*Theme {
	return map[string]*Theme{
		"256 dark":  New(Options{Profile: termenv.ANSI256, Dark: true}),
		"16 light":  New(Options{Profile: termenv.ANSI}),
		"no colour": New(Options{Profile: termenv.Ascii}),
		"ascii":     New(Options{Profile: termenv.Ascii, ASCII: true}),
	}
}

func checkClean(t *testing.T, th *Theme, s string) {
	t.Helper()
	c := th.Clean(s)
	if !utf8.ValidString(c) {
		t.Errorf("Clean(%q) = %q is no UTF-8", s, c)
	}
	for _, r := range c {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || (th.ascii && r > '~') {
			t.Errorf("Clean(%q) = %q holds %U", s, c, r)
		}
	}
	if g, w := ansi.StringWidth(c), ansi.StringWidthWc(c); g != w || g != Width(c) {
		t.Errorf("Clean(%q) = %q is %d cells by graphemes, %d by characters, %d by Width", s, c, g, w, Width(c))
	}
	if again := th.Clean(c); again != c {
		t.Errorf("Clean(%q) = %q, cleaned again %q", s, c, again)
	}
	for w := range 14 {
		if got := Width(th.Fit(s, w)); got != w {
			t.Errorf("Fit(%q, %d) is %d cells", s, w, got)
		}
		if got := Width(th.FitRight(s, w)); got != w {
			t.Errorf("FitRight(%q, %d) is %d cells", s, w, got)
		}
		if got := Width(th.Cut(s, w)); got > w {
			t.Errorf("Cut(%q, %d) is %d cells", s, w, got)
		}
		line := th.NewLine(w).Add(th.Bad, s).Sep().Add(th.Dim, s).Right(th.Good, "x").String()
		if got := ansi.StringWidth(line); got != w {
			t.Errorf("line of %q, %d is %d cells", s, w, got)
		}
	}
}

func TestHostileTextIsHarmlessAndOfExactWidth(t *testing.T) {
	for name, th := range themes() {
		t.Run(name, func(t *testing.T) {
			for _, s := range hostile {
				checkClean(t, th, s)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 2000 {
				checkClean(t, th, hostile[rng.IntN(len(hostile))]+hostile[rng.IntN(len(hostile))])
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	th := themes()
	f.Fuzz(func(t *testing.T, s string) {
		checkClean(t, th["256 dark"], s)
		checkClean(t, th["ascii"], s)
	})
}

func TestOrdinaryNamesStayAsTheyAre(t *testing.T) {
	th := New(Options{Profile: termenv.ANSI256})
	for _, s := range []string{"1001", "+420 555 123 456", "Zoë", "Žluťoučký kůň", "株式会社テスト", "한글", "Ελλάδα"} {
		if got := th.Clean(s); got != s {
			t.Errorf("Clean(%q) = %q", s, got)
		}
	}
}

func TestNoColourLeavesOnlyAttributes(t *testing.T) {
	th := New(Options{Profile: termenv.Ascii})
	all := ""
	for _, st := range []Style{th.Text, th.Dim, th.Bold, th.Title, th.Good, th.Fair, th.Warn, th.Bad, th.Info, th.Key, th.Rule, th.Head} {
		all += st.Render("x") + st.On(true, "x")
	}
	for _, code := range strings.Split(all, "\x1b[") {
		code, _, _ = strings.Cut(code, "m")
		for _, n := range strings.Split(code, ";") {
			if len(n) > 1 {
				t.Errorf("escape sequence %q sets a colour", code)
			}
		}
	}
	if !strings.Contains(th.Text.On(true, "x"), "\x1b[7m") {
		t.Error("the selected row is not reversed")
	}
}

func TestBackgroundChoosesTheColours(t *testing.T) {
	light, dark := New(Options{Profile: termenv.ANSI256}), New(Options{Profile: termenv.ANSI256, Dark: true})
	if light.Bad == dark.Bad || light.Warn == dark.Warn || light.Text.On(true, "x") == dark.Text.On(true, "x") {
		t.Error("light and dark backgrounds have the same colours")
	}
}
