package ladder

import (
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"voiptop/tui/internal/style"
)

const (
	times     = 14 // cells before the first lifeline
	notes     = 18 // cells behind the last one
	notesMin  = 8  // when there is little room
	pitchMin  = 14 // cells from one to the next
	pitchSome = 18
	pitchMax  = 30
)

// Time says which time stands before a row.
type Time uint8

// The times.
const (
	Delta   Time = iota // since the row before
	Elapsed             // since the first row
	Clock               // of day
	Times
)

func (t Time) String() string { return [...]string{"delta", "elapsed", "time"}[t] }

// Colour says what the colour of an arrow tells.
type Colour uint8

// The meanings of colours.
const (
	ByKind Colour = iota // request, kind of response
	ByCall               // the leg
	Colours
)

// View draws a ladder in lines of a width. Off is how many columns are scrolled off at the left.
type View struct {
	Theme  *style.Theme
	W      int
	Off    int
	Time   Time
	Zone   *time.Location // of Clock
	Colour Colour
}

// first is the cell of the first lifeline. Before it, of a conversation, stands the number of the leg.
func (v View) first(l *Ladder) int {
	if len(l.Calls) > 1 {
		return times + 3
	}
	return times
}

// pitch is the distance of lifelines.
func (v View) pitch(l *Ladder) int {
	n := max(len(l.Columns)-1, 1)
	p := (v.W - v.first(l) - notes) / n
	if p < pitchSome { // what is between the lines matters more than what is behind them
		p = min(pitchSome, (v.W-v.first(l)-notesMin)/n)
	}
	return max(pitchMin, min(pitchMax, p))
}

// MaxOff is the largest Off that shows anything new.
func (v View) MaxOff(l *Ladder) int {
	n := len(l.Columns)
	seen := 1 + max(v.W-v.first(l)-1, 0)/v.pitch(l)
	return max(0, n-seen)
}

// Header is two lines: names and addresses of the columns.
func (v View) Header(l *Ladder) []string {
	p, first := v.pitch(l), v.first(l)
	out := make([]string, 2)
	for line := range out {
		c := v.canvas(l)
		for i, col := range l.Columns {
			text, st := col.Name, v.Theme.Bold
			if line == 1 {
				text, st = col.Addr, v.Theme.Dim
			}
			room := p - 1
			if i == len(l.Columns)-1 {
				room = min(p+notes, v.W-first-i*p+2)
			}
			if line == 1 && style.Width(text) > room {
				text = host(text) // the port is the smaller loss
			}
			c.put(first+i*p-2, st, v.Theme.Cut(text, room))
		}
		if line == 0 {
			c.put(times-4-len(v.Time.String()), v.Theme.Dim, v.Time.String())
		}
		out[line] = c.line(v, false)
	}
	return out
}

// Line draws row i.
func (v View) Line(l *Ladder, i int, sel bool) string {
	r, t, p, first := &l.Rows[i], v.Theme, v.pitch(l), v.first(l)
	c := v.canvas(l)
	if sel {
		c.put(0, t.Bold, ">")
	}
	if r.Kind == Gap {
		c.put(1, t.Dim, "......... "+r.Delta.Round(time.Second).String()+" "+r.Label+" .........")
		return c.line(v, sel)
	}
	width := times - 4
	if v.Time == Clock {
		width = times - 2
	}
	c.put(1, t.Dim, t.FitRight(v.when(l, i), width))
	if len(l.Calls) > 1 {
		c.put(first-3, v.leg(r), strconv.Itoa(r.Call+1))
	}
	for k := range l.Columns {
		c.put(first+k*p, t.Rule, t.Glyph.V)
	}
	v.arrow(c, r, first, p)
	st := t.Dim
	if r.Grade != "" {
		st = t.Severity(r.Grade)
	}
	c.put(first+(len(l.Columns)-1)*p+2, st, t.Clean(r.Note))
	return c.line(v, sel)
}

// when is the time of row i.
func (v View) when(l *Ladder, i int) string {
	r := &l.Rows[i]
	switch v.Time {
	case Clock:
		zone := v.Zone
		if zone == nil {
			zone = time.UTC
		}
		return r.T.Std().In(zone).Format("15:04:05.000")
	case Elapsed:
		return seconds(r.T.Sub(l.Start))
	}
	if i == 0 {
		return seconds(r.Delta)
	}
	return "+" + seconds(r.Delta)
}

func (v View) leg(r *Row) style.Style { return v.Theme.Legs[r.Call%len(v.Theme.Legs)] }

func (v View) arrow(c *canvas, r *Row, first, p int) {
	t := v.Theme
	st, shaft := t.Text, t.Glyph.H
	switch r.Kind {
	case Response:
		st = t.Status(r.Status)
	case Request:
		st = t.Info
	case Media:
		st, shaft = t.Good, t.Glyph.Media
		if r.Grade != "" {
			st = t.Severity(r.Grade)
		}
	}
	if v.Colour == ByCall {
		st = v.leg(r)
	}
	text := r.Label
	if r.Count > 1 {
		text += " x" + strconv.Itoa(r.Count)
	}
	a, b := min(r.From, r.To), max(r.From, r.To)
	if a == b {
		c.put(first+a*p+1, st, "<> "+t.Cut(text, p-4))
		return
	}
	x, n := first+a*p+1, (b-a)*p-1
	text = " " + t.Cut(text, n-4) + " "
	fill := n - style.Width(text)
	left, right := strings.Repeat(shaft, (fill+1)/2), strings.Repeat(shaft, fill/2)
	if r.From < r.To {
		right = right[:len(right)-len(shaft)] + ">"
	} else {
		left = "<" + left[len(shaft):]
	}
	c.put(x, st, left+text+right)
}

// canvas is a line of cells that is drawn to in any order.
type canvas struct {
	cells []cell
	skip  int // cells of columns that are scrolled off
	fixed int // cells at the left that are not
}

type cell struct {
	s  string // one grapheme; "" is the second half of a wide one
	st style.Style
}

func (v View) canvas(l *Ladder) *canvas {
	p, first := v.pitch(l), v.first(l)
	c := &canvas{cells: make([]cell, max(v.W, first+(len(l.Columns)-1)*p)+v.W), skip: v.Off * p, fixed: first - 2}
	for i := range c.cells {
		c.cells[i] = cell{" ", v.Theme.Text}
	}
	return c
}

// put writes clean text at x. What does not fit is dropped.
func (c *canvas) put(x int, st style.Style, s string) {
	for s != "" {
		g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		s = s[len(g):]
		if x < 0 || x+w > len(c.cells) {
			return
		}
		c.cells[x] = cell{g, st}
		if w == 2 {
			c.cells[x+1] = cell{"", st}
		}
		x += w
	}
}

// line is the part that is seen: the times, then the columns that are not scrolled off.
func (c *canvas) line(v View, sel bool) string {
	at := func(i int) cell {
		if i >= c.fixed {
			i += c.skip
		}
		if i < len(c.cells) {
			return c.cells[i]
		}
		return cell{" ", v.Theme.Text}
	}
	var b, run strings.Builder
	st := v.Theme.Text
	for i := 0; i < v.W; i++ {
		k := at(i)
		g := k.s
		wide := g != "" && g != " " && style.Width(g) == 2
		if g == "" || wide && (i+1 >= v.W || at(i+1).s != "") {
			g = " " // half of a wide character was cut off or drawn over
		}
		if k.st != st {
			b.WriteString(st.On(sel, run.String()))
			run.Reset()
			st = k.st
		}
		run.WriteString(g)
		if wide && g != " " {
			i++
		}
	}
	b.WriteString(st.On(sel, run.String()))
	return b.String()
}
