package quality

import "strings"

// Codec holds what the E-model asks of a codec.
type Codec struct {
	Name        string
	Ie          float64 // equipment impairment factor without loss
	Bpl         float64 // packet-loss robustness factor
	DelayMS     float64 // look-ahead of the encoder; packetisation comes on top
	Provisional bool    // at least one figure is not the ITU-T's
	Source      string
}

// Where figures come from. G.113 gives Ie for most telephone codecs (table I.1) but Bpl for few (table I.3).
const (
	tableI1  = "Ie: ITU-T G.113 (11/2007) Appendix I table I.1"
	tableI3  = "Ie, Bpl: ITU-T G.113 (11/2007) Appendix I table I.3"
	asG711   = "; Bpl provisional: waveform codec with concealment, taken as G.711"
	asACELP  = "; Bpl provisional: taken as G.729A"
	asEFR    = "provisional: ACELP of the GSM-EFR family, taken as GSM-EFR 12.2"
	wideband = "provisional: wideband, judged on the narrowband scale, where it is at the top; "
)

// codecs is the table, by SDP encoding name. Wideband codecs have a scale of their own in G.107.1 (R up to 129) which
// cannot be compared with telephone calls; here they reach the top of the narrowband scale and no more.
var codecs = []struct {
	names []string // upper case
	Codec
}{
	// G.711 Appendix I concealment is what receivers do today; without any, Bpl is 4.3 (same table).
	{[]string{"PCMU", "PCMA", "G711"}, Codec{Name: "G.711", Ie: 0, Bpl: 25.1, DelayMS: 0, Source: tableI3 + ", with packet loss concealment"}},
	{[]string{"G729", "G729A", "G729AB"}, Codec{Name: "G.729A", Ie: 11, Bpl: 19, DelayMS: 5, Source: tableI3}},
	{[]string{"G723", "G7231"}, Codec{Name: "G.723.1", Ie: 15, Bpl: 16.1, DelayMS: 7.5, Source: tableI3 + ", 6.3 kbit/s"}},
	{[]string{"GSM-EFR"}, Codec{Name: "GSM-EFR", Ie: 5, Bpl: 10, DelayMS: 0, Source: tableI3}},
	{[]string{"GSM"}, Codec{Name: "GSM-FR", Ie: 20, Bpl: 10, DelayMS: 0, Provisional: true, Source: tableI1 + "; Bpl provisional: taken as GSM-EFR"}},
	{[]string{"GSM-HR-08"}, Codec{Name: "GSM-HR", Ie: 23, Bpl: 10, DelayMS: 4.4, Provisional: true, Source: tableI1 + "; Bpl provisional: taken as GSM-EFR"}},
	{[]string{"G726-40", "AAL2-G726-40"}, Codec{Name: "G.726 40k", Ie: 2, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-32", "AAL2-G726-32", "G721"}, Codec{Name: "G.726 32k", Ie: 7, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-24", "AAL2-G726-24"}, Codec{Name: "G.726 24k", Ie: 25, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-16", "AAL2-G726-16"}, Codec{Name: "G.726 16k", Ie: 50, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G728"}, Codec{Name: "G.728", Ie: 7, Bpl: 19, Provisional: true, Source: tableI1 + asACELP}},
	{[]string{"G729D"}, Codec{Name: "G.729D", Ie: 11, Bpl: 19, DelayMS: 5, Provisional: true, Source: asACELPAll}},
	{[]string{"G729E"}, Codec{Name: "G.729E", Ie: 4, Bpl: 19, DelayMS: 5, Provisional: true, Source: "Ie and Bpl provisional: near GSM-EFR and G.729A"}},
	{[]string{"AMR"}, Codec{Name: "AMR", Ie: 5, Bpl: 10, DelayMS: 5, Provisional: true, Source: asEFR}},
	{[]string{"ILBC"}, Codec{Name: "iLBC", Ie: 11, Bpl: 32, DelayMS: 5, Provisional: true, Source: "provisional: no ITU-T figures; frame-independent, above G.729A under loss"}},
	{[]string{"SPEEX", "SILK"}, Codec{Name: "Speex/SILK", Ie: 11, Bpl: 19, DelayMS: 10, Provisional: true, Source: "provisional: no ITU-T figures; taken as G.729A"}},
	{[]string{"OPUS"}, Codec{Name: "Opus", Ie: 0, Bpl: 25.1, DelayMS: 6.5, Provisional: true, Source: wideband + "no ITU-T figures; Bpl taken as G.711 with concealment"}},
	{[]string{"G722"}, Codec{Name: "G.722", Ie: 0, Bpl: 25.1, DelayMS: 1.5, Provisional: true, Source: wideband + "Bpl taken as G.711 with concealment"}},
	{[]string{"G7221"}, Codec{Name: "G.722.1", Ie: 0, Bpl: 19, DelayMS: 20, Provisional: true, Source: wideband + "Bpl taken as G.729A"}},
	{[]string{"G7291"}, Codec{Name: "G.729.1", Ie: 0, Bpl: 19, DelayMS: 28.9, Provisional: true, Source: wideband + "Bpl taken as G.729A"}},
	{[]string{"AMR-WB", "EVS"}, Codec{Name: "AMR-WB/EVS", Ie: 0, Bpl: 10, DelayMS: 5, Provisional: true, Source: wideband + "Bpl taken as GSM-EFR"}},
	{[]string{"L16"}, Codec{Name: "L16", Ie: 0, Bpl: 25.1, Provisional: true, Source: wideband + "Bpl taken as G.711 with concealment"}},
}

const asACELPAll = "provisional: taken as G.729A"

var byName = func() map[string]*Codec {
	m := make(map[string]*Codec)
	for i := range codecs {
		for _, n := range codecs[i].names {
			m[n] = &codecs[i].Codec
		}
	}
	return m
}()

// ForCodec finds a codec by its SDP encoding name, in any case. One that is not in the table gets the figures of G.711 with
// concealment, marked provisional.
func ForCodec(name string) Codec {
	if c, ok := byName[strings.ToUpper(name)]; ok {
		return *c
	}
	return Codec{Name: name, Bpl: 25.1, Provisional: true, Source: "provisional: unknown codec, taken as G.711"}
}
