package sensorapi

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxAnswer is the default of Client.MaxAnswer.
const maxAnswer = 64 << 20

// decoder reads JSON values from a sensor, each of at most max bytes: a value is held in memory as a whole, and the sensor may be
// somebody else's.
type decoder struct {
	json *json.Decoder
	from io.LimitedReader
	max  int64
}

func (c *Client) decoder(body io.Reader) *decoder {
	d := &decoder{from: io.LimitedReader{R: body}, max: c.MaxAnswer}
	if d.max == 0 {
		d.max = maxAnswer
	}
	d.json = json.NewDecoder(&d.from)
	return d
}

// decode reads the next value.
func (d *decoder) decode(v any) error {
	d.from.N = d.max
	err := d.json.Decode(v)
	if err != nil && d.from.N <= 0 {
		return fmt.Errorf("the sensor's answer is larger than %d bytes", d.max)
	}
	return err
}
