package main

import (
	"math"
	"strings"

	"voiptop/protocol"
	"voiptop/tui/internal/stats"
)

// statsReport is what `voipmon stats --json` writes. Times connected and delays are in ms, ratios, shares and loss in per cent.
type statsReport struct {
	Calls    int                 `json:"calls"`
	From     protocol.Time       `json:"from"`
	To       protocol.Time       `json:"to"`
	Figures  []statsFigure       `json:"figures"`
	Sections map[string]statsSet `json:"sections"`
}

type statsFigure struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`           // null: there is none
	Calls int      `json:"calls"`           // that where finds
	Where string   `json:"where,omitempty"` // the calls to look at because of it
	About string   `json:"about"`
}

type statsSet struct {
	Rows   []statsGroup `json:"rows"`
	Others int          `json:"others,omitempty"` // rows that were left out
}

type statsGroup struct {
	Key   string   `json:"key"`
	Where string   `json:"where,omitempty"`
	Calls int      `json:"calls"`
	ASR   *float64 `json:"asr_pct"`
	NER   *float64 `json:"ner_pct"`
	ACD   *float64 `json:"acd_ms"`
	PDD   *float64 `json:"pdd_ms"`
	MOS   *float64 `json:"mos"`
	Bad   int      `json:"mos_below_3_6"`
	Loss  *float64 `json:"loss_pct"`
}

func statsJSON(r *stats.Report) *statsReport {
	out := &statsReport{Calls: r.Calls, From: r.First, To: r.Last, Sections: map[string]statsSet{}}
	for i := range r.Figures {
		f := &r.Figures[i]
		x := statsFigure{Name: strings.ReplaceAll(strings.ToLower(f.Name), " ", "_"), Calls: f.Calls, Where: f.Where, About: f.About}
		if f.OK {
			x.Value = rounded(f.Value, true)
		}
		out.Figures = append(out.Figures, x)
	}
	for _, s := range r.Sections {
		set := statsSet{Rows: []statsGroup{}, Others: s.Others}
		for i := range s.Rows {
			x := &s.Rows[i]
			set.Rows = append(set.Rows, statsGroup{
				x.Key, x.Where, x.Calls, rounded(x.ASR()), rounded(x.NER()), rounded(x.ACD()), rounded(x.PDD()), rounded(x.MOS()), x.Bad, rounded(x.Loss()),
			})
		}
		out.Sections[strings.ToLower(s.Name)] = set
	}
	return out
}

// rounded is a figure with three decimals, nil if there is none.
func rounded(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	v = math.Round(v*1000) / 1000
	return &v
}
