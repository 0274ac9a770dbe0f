package hep

// maxLag is how long after its capture a message may arrive and still keep the time that it tells, in nanoseconds: what
// agents buffer, and the way.
const maxLag = 5e9

// Clock settles the time of messages. The time that a message tells is the better one, since it was captured there and
// then; but agents' clocks differ, and the analysis wants time to go one way. So a message has the time that it tells if
// that is not later than its packet's and at most five seconds earlier, else its packet's; and never a time before that
// of the message before it, unless the packets' own clock was set back.
type Clock struct {
	last     int64
	Replaced uint64 // messages whose own time could not be: later by a second, or earlier by more than five
}

// Time answers the time of a message that tells told and came in a packet at arrival, both in nanoseconds.
func (c *Clock) Time(told, arrival int64) int64 {
	t := told
	if told > arrival || told < arrival-maxLag {
		t = arrival
		if told > arrival+1e9 || told != 0 && told < arrival-maxLag {
			c.Replaced++
		}
	}
	if t < c.last && t >= c.last-maxLag {
		t = c.last
	}
	c.last = t
	return t
}
