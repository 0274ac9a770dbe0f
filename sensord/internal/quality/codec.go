package quality

import "strings"

// Codec holds what the E-model asks of a codec.
type Codec struct {
	Name        string
	Ie          float64 // equipment impairment factor without loss
	Bpl         float64 // packet-loss robustness factor
	DelayMS     float64 // look-ahead of the encoder; packetisation comes on top
	Provisional bool    // at least one figure is not the ITU-T's
	assumed     bool    // it is not in the table
	Source      string
}

// Basis says in a word where the figures come from, as records do.
func (c *Codec) Basis() string {
	switch {
	case c.assumed:
		return "assumed"
	case c.Provisional:
		return "provisional"
	}
	return "itu"
}

// Where figures come from: ITU-T G.113 Appendix I, of which tables I.1 (Ie) and the one of Bpl (I.3 in the edition of 11/2007, I.4 in that
// of 06/2024) have had the same rows for these codecs ever since. It gives Ie for most telephone codecs, and Bpl for four: for all
// others one is taken from the codec of the four that conceals lost packets most alike.
const (
	tableI1  = "Ie: G.113 table I.1"
	tableI4  = "Ie, Bpl: G.113 table I.4"
	asG711   = "; Bpl as G.711 with concealment: a waveform codec, repaired the same way"
	asACELP  = "; Bpl as G.729A"
	asEFR    = "; Bpl as GSM-EFR: the same family, the same substitution of frames"
	asOthers = "no ITU-T figures"
	wideband = "wideband: at the top of this scale, see G.107.1 for its own; "
)

// codecs is the table, by SDP encoding name, as docs/mos.md shows it. Wideband codecs have a scale of their own in G.107.1 (R up to 129)
// and figures for it (G.113 Appendix IV), which cannot be compared with those of telephone calls; here they reach the top of
// the narrowband scale and no more, so that loss and delay are rated and bandwidth is not.
var codecs = []struct {
	names []string // upper case
	Codec
}{
	// G.711 Appendix I concealment is what receivers do today; without any, Bpl is 4.3 (same table).
	{[]string{"PCMU", "PCMA", "G711"}, Codec{Name: "G.711", Ie: 0, Bpl: 25.1, DelayMS: 0, Source: tableI4 + ", with concealment (G.711 Appendix I)"}},
	{[]string{"G729", "G729A", "G729AB"}, Codec{Name: "G.729A", Ie: 11, Bpl: 19, DelayMS: 5, Source: tableI4 + ", with VAD"}},
	{[]string{"G723", "G7231"}, Codec{Name: "G.723.1", Ie: 15, Bpl: 16.1, DelayMS: 7.5, Source: tableI4 + ", 6.3 kbit/s with VAD (5.3: Ie 19)"}},
	{[]string{"GSM-EFR"}, Codec{Name: "GSM-EFR", Ie: 5, Bpl: 10, DelayMS: 0, Source: tableI4}},
	{[]string{"AMR"}, Codec{Name: "AMR", Ie: 5, Bpl: 10, DelayMS: 5, Provisional: true, Source: "Ie, Bpl: those of GSM-EFR, which its mode of 12.2 kbit/s is to the bit (3GPP TS 26.071); its lower modes are worse"}},
	{[]string{"GSM"}, Codec{Name: "GSM-FR", Ie: 20, Bpl: 10, DelayMS: 0, Provisional: true, Source: tableI1 + asEFR}},
	{[]string{"GSM-HR-08"}, Codec{Name: "GSM-HR", Ie: 23, Bpl: 10, DelayMS: 4.4, Provisional: true, Source: tableI1 + asEFR}},
	{[]string{"EVRC", "EVRC0", "EVRC1"}, Codec{Name: "EVRC", Ie: 6, Bpl: 10, DelayMS: 10, Provisional: true, Source: tableI1 + " (IS-127)" + asEFR}},
	{[]string{"G726-40", "AAL2-G726-40"}, Codec{Name: "G.726 40k", Ie: 2, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-32", "AAL2-G726-32", "G721"}, Codec{Name: "G.726 32k", Ie: 7, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-24", "AAL2-G726-24"}, Codec{Name: "G.726 24k", Ie: 25, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"G726-16", "AAL2-G726-16"}, Codec{Name: "G.726 16k", Ie: 50, Bpl: 25.1, Provisional: true, Source: tableI1 + asG711}},
	{[]string{"DVI4"}, Codec{Name: "IMA ADPCM", Ie: 7, Bpl: 25.1, Provisional: true, Source: asOthers + "; taken as G.726 at the same 32 kbit/s"}},
	{[]string{"G728"}, Codec{Name: "G.728", Ie: 7, Bpl: 19, Provisional: true, Source: tableI1 + ", 16 kbit/s" + asACELP}},
	{[]string{"G729D"}, Codec{Name: "G.729D", Ie: 11, Bpl: 19, DelayMS: 5, Provisional: true, Source: asOthers + "; taken as G.729A, though at 6.4 kbit/s it is worse"}},
	{[]string{"G729E"}, Codec{Name: "G.729E", Ie: 4, Bpl: 19, DelayMS: 5, Provisional: true, Source: asOthers + "; at 11.8 kbit/s between G.711 and GSM-EFR" + asACELP}},
	{[]string{"ILBC"}, Codec{Name: "iLBC", Ie: 11, Bpl: 32, DelayMS: 5, Provisional: true, Source: asOthers + "; without loss as G.729A, and each frame stands alone (RFC 3951 section 1): more robust than G.711 with concealment"}},
	{[]string{"SPEEX", "SILK"}, Codec{Name: "Speex, SILK", Ie: 11, Bpl: 19, DelayMS: 10, Provisional: true, Source: asOthers + "; taken as G.729A"}},
	{[]string{"OPUS"}, Codec{Name: "Opus", Ie: 0, Bpl: 25.1, DelayMS: 6.5, Provisional: true, Source: wideband + asOthers + asG711}},
	{[]string{"G722"}, Codec{Name: "G.722", Ie: 0, Bpl: 25.1, DelayMS: 1.5, Provisional: true, Source: wideband + "64 kbit/s" + asG711}},
	{[]string{"G7221"}, Codec{Name: "G.722.1", Ie: 0, Bpl: 19, DelayMS: 20, Provisional: true, Source: wideband + "24 and 32 kbit/s" + asACELP}},
	{[]string{"G7291"}, Codec{Name: "G.729.1", Ie: 0, Bpl: 19, DelayMS: 28.9, Provisional: true, Source: wideband + "32 kbit/s" + asACELP}},
	{[]string{"PCMU-WB", "PCMA-WB"}, Codec{Name: "G.711.1", Ie: 0, Bpl: 25.1, DelayMS: 6.9, Provisional: true, Source: wideband + "its core is G.711" + asG711}},
	{[]string{"AMR-WB", "AMR-WB+"}, Codec{Name: "AMR-WB", Ie: 0, Bpl: 10, DelayMS: 5, Provisional: true, Source: wideband + "12.65 kbit/s and above" + asEFR}},
	{[]string{"EVS"}, Codec{Name: "EVS", Ie: 0, Bpl: 10, DelayMS: 12, Provisional: true, Source: wideband + "9.6 kbit/s and above" + asEFR}},
	{[]string{"L16"}, Codec{Name: "L16", Ie: 0, Bpl: 25.1, Provisional: true, Source: wideband + "uncoded" + asG711}},
}

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
	return Codec{Name: name, Bpl: 25.1, Provisional: true, Source: asOthers + "; unknown, taken as G.711 with concealment", assumed: true}
}
