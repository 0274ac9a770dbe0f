package screen

import (
	"voiptop/tui/internal/ladder"
)

func (d *detail) setSize(w, h int) {
	d.w, d.h = w, h
	d.settle()
	if d.over != nil {
		d.over.size(w, h)
	}
}

// The rooms of the page of the ladder: the ladder, beside it a pane, below it a chart.
func (d *detail) sideWidth() int {
	if d.w < sideFrom {
		return 0
	}
	usual := min(60, d.w*2/5)
	if d.ladder != nil && len(d.ladder.Columns) > 3 { // the ladder needs the room
		usual = min(usual, 40)
	}
	return max(sideMin, min(usual+d.prefs.split, d.w-50))
}

func (d *detail) chart() int {
	if d.h < 26 || d.w < 60 || d.cdr == nil || d.charted() == nil {
		return 0
	}
	return 8
}

func (d *detail) ladderHeight() int { return max(1, d.h-5-d.chart()) }

// settle keeps the cursor in the ladder and on the screen.
func (d *detail) settle() {
	d.text.w, d.text.h = d.w, max(1, d.h-3)
	if d.cdr == nil {
		return
	}
	d.cursor = max(0, min(d.cursor, len(d.ladder.Rows)-1))
	d.top = max(min(d.top, d.cursor), d.cursor-d.ladderHeight()+1)
	d.top = max(0, min(d.top, len(d.ladder.Rows)-d.ladderHeight()))
	d.off = min(d.off, d.ladderView().MaxOff(d.ladder))
	d.stream = max(0, min(d.stream, len(d.streams())-1))
	d.fillSide()
	if d.page == pageFindings {
		d.fillFindings()
	}
}

func (d *detail) ladderView() ladder.View {
	w := d.w
	if s := d.sideWidth(); s > 0 {
		w -= s + 3
	}
	return ladder.View{Theme: d.e.Theme, W: w, Off: d.off, Time: d.prefs.time, Zone: d.e.Zone, Colour: d.prefs.colour}
}
