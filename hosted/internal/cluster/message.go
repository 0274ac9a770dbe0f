package cluster

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// What nodes tell each other over NATS: JSON behind an HMAC-SHA256 with a key that only nodes of this hosted have, so that
// nobody else who may publish there is believed. A message is at most some 250 KB.
//
//	0          32
//	| HMAC-256 | JSON

// message is one of these. Links are told as changes, numbered by the node that holds them: who misses a number asks for
// all.
type message struct {
	Node  store.Node `json:"node"`            // who speaks
	Seq   uint64     `json:"seq"`             // of the last change of its links
	Up    []place    `json:"up,omitempty"`    // links that it holds
	Down  []place    `json:"down,omitempty"`  // links that it held
	Part  int        `json:"part,omitempty"`  // of an answer with all links: from 0
	Parts int        `json:"parts,omitempty"` // how many there are
}

// place says that a node holds a sensor's link of a generation.
type place struct {
	Tenant     store.TenantID `json:"t"`
	Sensor     protocol.UUID  `json:"s"`
	Generation uint64         `json:"g"`
}

// partSize is how many links go in one message: some 80 bytes each.
const partSize = 2000

var errForged = errors.New("not from a node of this hosted")

// seal encodes a message.
func seal(key []byte, m *message) ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode announcement: %w", err)
	}
	return append(sum(key, b), b...), nil
}

// open decodes a message, if it is one of ours.
func open(key, b []byte) (m message, err error) {
	if len(b) < sha256.Size || !hmac.Equal(b[:sha256.Size], sum(key, b[sha256.Size:])) {
		return m, errForged
	}
	if err := json.Unmarshal(b[sha256.Size:], &m); err != nil {
		return m, fmt.Errorf("decode announcement: %w", err)
	}
	return m, nil
}

func sum(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}
