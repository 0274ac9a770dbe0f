package quality

import "testing"

func TestACodecSaysWhereItsFiguresComeFrom(t *testing.T) {
	for name, want := range map[string]string{"PCMU": "itu", "g729": "itu", "opus": "provisional", "GSM": "provisional", "X-NEW": "assumed", "": "assumed"} {
		if c := ForCodec(name); c.Basis() != want {
			t.Errorf("%q: %q, want %q", name, c.Basis(), want)
		}
	}
}
