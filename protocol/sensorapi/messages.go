package sensorapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"voiptop/protocol"
)

// MessageReader is what a Sensor is as well if it gives the SIP messages of calls whole. A Sensor that is none answers 404.
type MessageReader interface {
	// Messages answers a page of the messages of a call, in the order of time, as far as its packets are kept or held. When there are
	// none the error is a *protocol.Problem that says why.
	Messages(ctx context.Context, id string, o MessageOptions) (*MessagePage, error)
}

// MessageOptions choose a page.
type MessageOptions struct {
	After int // number of the last message of the page before; 0: the first page
	Limit int // messages; 0: DefaultMessages
}

// Bounds of a page.
const (
	DefaultMessages = 200
	MaxMessages     = 1000
	MaxMessageBytes = 4 << 20 // of a page's messages; one that is larger has a page of its own
)

// MessagePage is a part of the messages of a call.
type MessagePage struct {
	Messages []Message `json:"messages"`
	Next     int       `json:"next,omitempty"` // MessageOptions.After of the next page; 0: this is the last
	// Running says that the call goes on: there may be more messages later.
	Running bool `json:"running,omitempty"`
}

// Message is a SIP message as it was on the wire.
type Message struct {
	N         int           `json:"n"` // of the call's, from 1
	T         protocol.Time `json:"t"`
	Src       string        `json:"src"` // "ip:port"
	Dst       string        `json:"dst"`
	Transport string        `json:"transport"` // udp tcp ws tls wss sctp
	Raw       []byte        `json:"raw"`       // in JSON base64: it need not be text
}

// ParseMessageOptions reads them from a query.
func ParseMessageOptions(q url.Values) (MessageOptions, error) {
	o := MessageOptions{Limit: DefaultMessages}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > MaxMessages {
			return o, fmt.Errorf("limit %q: want a number from 1 to %d", v, MaxMessages)
		}
		o.Limit = n
	}
	if v := q.Get("after"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return o, fmt.Errorf("after %q: want the number of a message", v)
		}
		o.After = n
	}
	return o, nil
}

// Query is what ParseMessageOptions reads.
func (o MessageOptions) Query() url.Values {
	q := url.Values{}
	if o.After > 0 {
		q.Set("after", strconv.Itoa(o.After))
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return q
}

func (h handler) messages(w http.ResponseWriter, r *http.Request) {
	s, ok := h.s.(MessageReader)
	if !ok {
		WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this sensor gives no messages", Remedy: "download the capture"})
		return
	}
	o, err := ParseMessageOptions(r.URL.Query())
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	p, err := s.Messages(r.Context(), r.PathValue("id"), o)
	reply(w, p, err)
}

// Messages fetches a page of the messages of a call.
func (c *Client) Messages(ctx context.Context, id string, o MessageOptions) (*MessagePage, error) {
	p := &MessagePage{}
	return p, c.get(ctx, "/v1/calls/"+url.PathEscape(id)+"/messages?"+o.Query().Encode(), p)
}
