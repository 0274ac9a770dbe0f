package store

import (
	"math"
	"testing"

	"voiptop/protocol"
)

func ms(v int64) *int64 { return &v }

func TestWhatACallCountsAs(t *testing.T) {
	nan := math.NaN()
	for name, tt := range map[string]struct {
		call                                             protocol.CDR
		attempts, answered, effective, connected, joined int64
	}{
		"answered":                {protocol.CDR{Status: 200, ConnectMS: ms(3000)}, 1, 1, 1, 1, 0},
		"busy":                    {protocol.CDR{Status: 486}, 1, 0, 1, 0, 0},
		"refused by the callee":   {protocol.CDR{Status: 603}, 1, 0, 1, 0, 0},
		"no such number":          {protocol.CDR{Status: 404}, 1, 0, 0, 0, 0},
		"failed in the network":   {protocol.CDR{Status: 503}, 1, 0, 0, 0, 0},
		"given up while ringing":  {protocol.CDR{Status: 487, EndCause: protocol.EndCancel, Ringing: 5}, 1, 0, 1, 0, 0},
		"given up before":         {protocol.CDR{Status: 487, EndCause: protocol.EndCancel}, 1, 0, 0, 0, 0},
		"rang out":                {protocol.CDR{Status: 408, EndCause: protocol.EndNoAnswer, Ringing: 5}, 1, 0, 1, 0, 0},
		"nobody ever answers":     {protocol.CDR{EndCause: protocol.EndNoAnswer}, 1, 0, 0, 0, 0},
		"its end was not seen":    {protocol.CDR{EndCause: protocol.EndUnterminated, Ringing: 5}, 0, 0, 0, 0, 0},
		"the sensor stopped":      {protocol.CDR{EndCause: protocol.EndInterrupted}, 0, 0, 0, 0, 0},
		"stopped while they talk": {protocol.CDR{EndCause: protocol.EndInterrupted, Status: 200, ConnectMS: ms(1)}, 1, 1, 1, 1, 0},
		"joined":                  {protocol.CDR{Joined: true, ConnectMS: ms(20_000)}, 0, 0, 0, 1, 1},
		"no figures at all":       {protocol.CDR{Status: 1 << 30, EndCause: "made up", MOS: &nan}, 1, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counts
			c.Add(&tt.call, 1)
			if c.Calls != 1 || c.Attempts != tt.attempts || c.Answered != tt.answered || c.Effective != tt.effective || c.Connected != tt.connected || c.Joined != tt.joined {
				t.Errorf("calls %d, attempts %d, answered %d, effective %d, connected %d, joined %d", c.Calls, c.Attempts, c.Answered, c.Effective, c.Connected, c.Joined)
			}
			c.Add(&tt.call, -1)
			for i, p := range c.Scalars() {
				if *p != 0 {
					t.Errorf("counter %d is %d after the call was taken out", i, *p)
				}
			}
			if len(c.Status)+len(c.End)+len(c.Findings) != 0 || c.MOS.N+c.Connect.N+c.PDD.N != 0 {
				t.Errorf("after the call was taken out: %+.200v", c)
			}
		})
	}
}

func TestRatiosAreOfTheAttempts(t *testing.T) {
	var c Counts
	if _, ok := c.ASR(); ok {
		t.Error("no attempts have an ASR")
	}
	for _, d := range []protocol.CDR{{Status: 200, ConnectMS: ms(60_000)}, {Status: 200, ConnectMS: ms(5_000)}, {Status: 486}, {Status: 503}, {Joined: true, ConnectMS: ms(10_000)}} {
		c.Add(&d, 1)
	}
	asr, _ := c.ASR()
	ner, _ := c.NER()
	acd, _ := c.ACD()
	if asr != 50 || ner != 75 || acd != 25_000 || c.Short != 1 {
		t.Errorf("ASR %v, NER %v, ACD %v, %d short; want 50, 75, 25000, 1", asr, ner, acd, c.Short)
	}
}

func TestAGoodMOSIsNotBad(t *testing.T) {
	var c Counts
	for _, mos := range []float64{3.599, 3.6, 3.601, 1, 4.5} {
		c.Add(&protocol.CDR{MOS: &mos}, 1)
	}
	if c.Bad() != 2 || c.MOS.N != 5 {
		t.Errorf("%d of %d are bad, want 2 of 5", c.Bad(), c.MOS.N)
	}
}

func TestHostileFindingsDoNotFillTheCounts(t *testing.T) {
	var c Counts
	for i := range 3 * MaxKinds {
		code := string([]byte{'a' + byte(i/26/26%26), 'a' + byte(i/26%26), 'a' + byte(i%26)})
		c.Add(&protocol.CDR{Findings: []protocol.Finding{{Code: code}, {Code: code}, {Code: "NOT A CODE"}}}, 1)
	}
	if len(c.Findings) > MaxKinds+1 || c.Findings["aaa"] != 1 || c.Findings[OtherKind] < 3*MaxKinds {
		t.Errorf("%d codes are told apart, aaa has %d calls, others %d", len(c.Findings), c.Findings["aaa"], c.Findings[OtherKind])
	}
}
