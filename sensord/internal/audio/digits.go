package audio

import "math"

// digit is a telephone-event (RFC 4733) on the time line.
type digit struct {
	stream     flowKey
	stamp      uint32 // RTP time stamp of the event: it is known by it
	start, end int64  // samples
	event      uint8
	level      float64 // of the tones, 1: full scale
}

// digitMargin is how much before and after an event is blanked as well, ms: senders need some time to take the tone that they
// heard out of the voice.
const digitMargin = 60

// tonePairs are the frequencies of the events 0 to 15 (ITU-T Q.23), Hz.
var tonePairs = [16][2]float64{
	{941, 1336},
	{697, 1209},
	{697, 1336},
	{697, 1477},
	{770, 1209},
	{770, 1336},
	{770, 1477},
	{852, 1209},
	{852, 1336},
	{852, 1477},
	{941, 1209},
	{941, 1477},
	{697, 1633},
	{770, 1633},
	{852, 1633},
	{941, 1633},
}

// event takes a telephone-event packet. start and end are those of the event as far as it says.
func (s *side) event(stream flowKey, stamp uint32, event, volume uint8, start, end int64) {
	for i := range s.digits {
		if d := &s.digits[i]; d.stream == stream && d.stamp == stamp {
			d.end = max(d.end, d.start+end-start)
			return
		}
	}
	if len(s.digits) == maxDigits || end+s.ms(digitMargin) <= s.base {
		return
	}
	// The volume is in -dBm0; 0 dBm0 of a sine is 3.14 dB below full scale (ITU-T G.711), shared by two tones.
	level := math.Pow(10, -(float64(volume&0x3f)+3.14)/20) * math.Sqrt2 / 2
	s.digits = append(s.digits, digit{stream, stamp, start, end, event, level})
}

// sound renders or blanks the digits in samples that go out, the first of which is at.
func (s *side) sound(pcm []int16, at int64) {
	if len(s.digits) == 0 {
		return
	}
	for i := range s.digits {
		d := &s.digits[i]
		from, to := d.start, d.end
		if s.mute {
			from, to = from-s.ms(digitMargin), to+s.ms(digitMargin)
		}
		lo, hi := max(from-at, 0), min(to-at, int64(len(pcm)))
		switch {
		case lo >= hi:
		case s.mute:
			clear(pcm[lo:hi])
		case int(d.event) < len(tonePairs):
			s.tone(pcm[lo:hi], at+lo-d.start, d)
		}
	}
	s.forget()
}

// tone adds the tones of a digit from its sample n on.
func (s *side) tone(pcm []int16, n int64, d *digit) {
	f := tonePairs[d.event]
	w1, w2 := 2*math.Pi*f[0]/float64(s.rate), 2*math.Pi*f[1]/float64(s.rate)
	fade := float64(max(s.ms(5), 1))
	for i := range pcm {
		t := float64(n + int64(i))
		level := 32767 * d.level * min(1, t/fade, (float64(d.end-d.start)-t)/fade)
		v := float64(pcm[i]) + level*(math.Sin(w1*t)+math.Sin(w2*t))
		pcm[i] = int16(max(min(math.Round(v), 32767), -32768))
	}
}
