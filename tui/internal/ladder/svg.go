package ladder

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"voiptop/protocol"
)

// Sizes of the picture, in pixels.
const (
	svgPitch  = 230 // from lifeline to lifeline
	svgLeft   = 150 // to the first
	svgRight  = 230 // behind the last, for notes
	svgTop    = 112 // above the first row: title, names of the columns
	svgRow    = 34
	svgHeadY  = 58 // of the boxes with the names
	svgHeadH  = 38
	svgLabels = 26 // characters of a label between neighbours
	svgChar   = 7  // width of a character
)

// svgStyle is all that is drawn with: light, and dark where the reader's screen is.
const svgStyle = `
:root{--bg:#fff;--fg:#1f2328;--dim:#6b7280;--rule:#c9ced6;--box:#f3f5f8;--info:#0b62c4;--good:#18794e;--warn:#9a5b00;--bad:#c2182b}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e6e8eb;--dim:#9aa2ad;--rule:#3a414b;--box:#1e232a;--info:#6cb2ff;--good:#5fd39b;--warn:#f0b357;--bad:#ff7a85}}
svg{background:var(--bg);font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
text{fill:var(--fg)}.t{font-size:15px;font-weight:600}.d{fill:var(--dim)}.n{font-weight:600}.b{fill:var(--box);stroke:var(--rule)}
.l{stroke:var(--rule);stroke-dasharray:2 4}.a{fill:none;stroke-width:1.4}.m{stroke-width:3.2;opacity:.85}.h{stroke:none}.k{fill:var(--bg)}
.info{stroke:var(--info)}.good{stroke:var(--good)}.warn{stroke:var(--warn)}.bad{stroke:var(--bad)}.plain{stroke:var(--fg)}
text.info,.h.info{fill:var(--info);stroke:none}text.good,.h.good{fill:var(--good);stroke:none}text.warn,.h.warn{fill:var(--warn);stroke:none}
text.bad,.h.bad{fill:var(--bad);stroke:none}text.plain,.h.plain{fill:var(--fg);stroke:none}
`

// SVG is the ladder as a picture for a browser or a document: one file without references, readable on light and dark. title stands
// above it; times are in zone.
func (v View) SVG(l *Ladder, title string) []byte {
	n := max(len(l.Columns), 2)
	w, h := svgLeft+(n-1)*svgPitch+svgRight, svgTop+len(l.Rows)*svgRow+24
	zone := v.Zone
	if zone == nil {
		zone = time.UTC
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img"><title>%s</title><style>%s</style>`+"\n", w, h, w, h, escape(title, 300), svgStyle)
	fmt.Fprintf(&b, `<text class="t" x="24" y="28">%s</text>`+"\n", escape(title, (w-48)/9))
	if len(l.Rows) > 0 {
		fmt.Fprintf(&b, `<text class="d" x="24" y="46">%s</text>`+"\n", l.Start.Std().In(zone).Format("2006-01-02 15:04:05.000 MST"))
	}
	for i, c := range l.Columns {
		x := svgLeft + i*svgPitch
		fmt.Fprintf(&b, `<line class="l" x1="%d" y1="%d" x2="%d" y2="%d"/>`, x, svgHeadY+svgHeadH, x, h-16)
		fmt.Fprintf(&b, `<rect class="b" x="%d" y="%d" width="%d" height="%d" rx="5"/>`, x-95, svgHeadY, 190, svgHeadH)
		if c.Name == "" {
			fmt.Fprintf(&b, `<text class="d" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x, svgHeadY+23, escape(c.Addr, 26))
			continue
		}
		fmt.Fprintf(&b, `<text class="n" x="%d" y="%d" text-anchor="middle">%s</text>`, x, svgHeadY+16, escape(c.Name, 26))
		fmt.Fprintf(&b, `<text class="d" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x, svgHeadY+31, escape(c.Addr, 26))
	}
	for i := range l.Rows {
		v.svgRow(&b, l, i, svgTop+i*svgRow+svgRow/2)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func (v View) svgRow(b *strings.Builder, l *Ladder, i, y int) {
	r := &l.Rows[i]
	last := svgLeft + (len(l.Columns)-1)*svgPitch
	if r.Kind == Gap {
		fmt.Fprintf(b, `<text class="d" x="%d" y="%d">%s %s</text>`+"\n", svgLeft+14, y+5, r.Delta.Round(time.Second), escape(r.Label, 40))
		return
	}
	when := v.when(l, i)
	if len(l.Calls) > 1 {
		when += fmt.Sprintf("  %d", r.Call+1)
	}
	fmt.Fprintf(b, `<text class="d" x="%d" y="%d" text-anchor="end">%s</text>`, svgLeft-24, y+5, when)
	class := svgClass(r)
	label := r.Label
	if r.Count > 1 {
		label += fmt.Sprintf(" x%d", r.Count)
	}
	x1, x2 := svgLeft+r.From*svgPitch, svgLeft+r.To*svgPitch
	room := svgLabels * max(1, abs(r.To-r.From))
	line := "a " + class
	if r.Kind == Media {
		line += " m"
	}
	if x1 == x2 { // to itself
		fmt.Fprintf(b, `<path class="%s" d="M%d %d h34 v12 h-28"/><path class="h %s" d="M%d %d l8 -4 v8 z"/>`, line, x1, y-4, class, x1, y+8)
		fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`, class, x1+40, y+7, escape(label, svgLabels-6))
	} else {
		tip, back := x2-2, -9
		if x2 < x1 {
			tip, back = x2+2, 9
		}
		fmt.Fprintf(b, `<line class="%s" x1="%d" y1="%d" x2="%d" y2="%d"/>`, line, x1, y+8, tip+back/2, y+8)
		fmt.Fprintf(b, `<path class="h %s" d="M%d %d l%d -5 v10 z"/>`, class, tip, y+8, back)
		fmt.Fprintf(b, `<text class="%s" x="%d" y="%d" text-anchor="middle">%s</text>`, class, (x1+x2)/2, y+2, escape(label, room))
	}
	if r.Note != "" {
		note := "d"
		switch r.Grade {
		case protocol.SeverityBad:
			note = "bad"
		case protocol.SeverityWarn:
			note = "warn"
		}
		fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`, note, last+16, y+7, escape(r.Note, (svgRight-20)/svgChar))
	}
	b.WriteByte('\n')
}

// svgClass is the colour of a row's arrow.
func svgClass(r *Row) string {
	switch {
	case r.Grade == protocol.SeverityBad, r.Kind == Response && r.Status >= 500:
		return "bad"
	case r.Kind == Media && r.Grade == protocol.SeverityWarn, r.Kind == Response && r.Status >= 300:
		return "warn"
	case r.Kind == Media, r.Kind == Response && r.Status >= 200:
		return "good"
	case r.Kind == Request:
		return "info"
	}
	return "plain"
}

func abs(n int) int { return max(n, -n) }

// escape cuts text to n characters and makes it harmless in XML.
func escape(s string, n int) string {
	var b strings.Builder
	for _, r := range cmp.Or(s, "-") {
		if n--; n < 0 {
			b.WriteString("…")
			break
		}
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == unicode.ReplacementChar || !unicode.IsGraphic(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
