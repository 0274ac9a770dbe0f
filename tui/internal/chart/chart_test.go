package chart

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/tui/internal/style"
)

var (
	theme = style.New(style.Options{Profile: termenv.Ascii})
	plain = style.New(style.Options{Profile: termenv.Ascii, ASCII: true})
)

func TestSparkScalesAndKeepsTheNewest(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		v    []float64
		w    int
		want string
	}{
		{[]float64{1, 2.75, 4.5}, 3, "▁▅█"},
		{[]float64{1, 4.5}, 4, "  ▁█"},
		{[]float64{4.5, 1, 1}, 2, "▁▁"},
		{[]float64{-3, nan, 99}, 3, "▁ █"},
		{nil, 2, "  "},
		{[]float64{1}, 0, ""},
	} {
		if got := Spark(theme, c.v, 1, 4.5, c.w); got != c.want {
			t.Errorf("Spark(%v, %d) = %q, want %q", c.v, c.w, got, c.want)
		}
	}
	if got := Spark(plain, []float64{1, 4.5}, 1, 4.5, 2); got != ".#" {
		t.Errorf("Spark in ASCII = %q", got)
	}
}

func TestColumnsShowAPeakAndTheirScale(t *testing.T) {
	c := Columns{
		Title: "loss %", V: []float64{0, 0, 6, 3, 0}, Hi: 1, First: "12:03:30", Last: "12:04:10", Format: "%.0f",
		Grade: func(float64) style.Style { return theme.Text },
	}
	want := strings.Join([]string{
		"loss %                        ",
		"     6|        ####           ",
		"      |        ####           ",
		"      |        ########       ",
		"     0|........########....   ",
		"       12:03:30    12:04:10   ",
	}, "\n")
	if got := ansi.Strip(strings.Join(c.View(plain, 30, 6), "\n")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFoldKeepsPeaks(t *testing.T) {
	v := make([]float64, 1000)
	v[617] = 42
	got, per := fold(v, 20)
	if len(got) != 20 || per != 1 || got[617*20/1000] != 42 {
		t.Errorf("fold lost the peak: %v", got)
	}
}

func TestEveryChartLineFitsExactly(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		w, h := rng.IntN(140), rng.IntN(20)
		v := make([]float64, rng.IntN(300))
		for i := range v {
			v[i] = [...]float64{rng.Float64() * 100, math.NaN(), -1, math.Inf(1)}[rng.IntN(4)]
		}
		lines := Columns{
			Title: strings.Repeat("t", rng.IntN(50)), V: v, Hi: rng.Float64(), First: "12:00:00", Last: "13:00:00", Format: "%.1f",
			Grade: func(float64) style.Style { return theme.Bad },
		}.View(theme, w, h)
		if len(lines) != h {
			t.Fatalf("%dx%d: %d lines", w, h, len(lines))
		}
		for _, l := range lines {
			if ansi.StringWidth(l) != w {
				t.Fatalf("%dx%d: line %q is %d cells", w, h, l, ansi.StringWidth(l))
			}
		}
	}
}
