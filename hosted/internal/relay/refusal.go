package relay

import (
	"errors"
	"strconv"

	"voiptop/protocol"
)

// Refusal is the problem to tell a browser when a call of a sensor's API failed, for who does not use Serve: the sensor's own, if its status is
// a sensor's to give, else that it is offline.
func Refusal(err error) error {
	var p *protocol.Problem
	switch {
	case !errors.As(err, &p):
		return Offline(Why(err))
	case !believed(p.Status):
		return Offline("it answered " + strconv.Itoa(p.Status))
	}
	return p
}
