package link

import (
	"voiptop/protocol"

	"github.com/fxamacker/cbor/v2"
)

// EnrolRequest redeems a token: POST /v1/enrol, on an up connection without a client certificate.
type EnrolRequest struct {
	Secret     []byte              `cbor:"1,keyasint"` // from the token
	CSR        []byte              `cbor:"2,keyasint"` // PKCS #10, DER; P-256 or Ed25519
	Info       protocol.SensorInfo `cbor:"3,keyasint"`
	MinVersion int                 `cbor:"4,keyasint"`
	MaxVersion int                 `cbor:"5,keyasint"`
}

// RenewRequest asks for a new certificate for the same key: POST /v1/renew.
type RenewRequest struct {
	CSR []byte `cbor:"1,keyasint"`
}

// EnrolAnswer carries the sensor's certificate, in answer to an EnrolRequest or RenewRequest.
type EnrolAnswer struct {
	Cert     []byte        `cbor:"1,keyasint"` // X.509, DER
	CA       []byte        `cbor:"2,keyasint"` // X.509, DER
	UUID     protocol.UUID `cbor:"3,keyasint"`
	TenantID int64         `cbor:"4,keyasint"`
	Tenant   string        `cbor:"5,keyasint"` // its name
	SensorID uint16        `cbor:"6,keyasint"`
}

// Hello is the first message on an up connection: POST /v1/hello.
type Hello struct {
	Info       protocol.SensorInfo `cbor:"1,keyasint"`
	MinVersion int                 `cbor:"2,keyasint"`
	MaxVersion int                 `cbor:"3,keyasint"`
	// Probe asks for all checks but no session, so that `voipmon doctor` does not disturb the running sensor.
	Probe bool `cbor:"4,keyasint,omitempty"`
}

// HelloAnswer says that the sensor is welcome.
type HelloAnswer struct {
	Version      int           `cbor:"1,keyasint"`
	Session      []byte        `cbor:"2,keyasint,omitempty"` // ties down and bulk connections to this one; none to a probe
	TenantID     int64         `cbor:"3,keyasint"`
	Tenant       string        `cbor:"4,keyasint"`
	UUID         protocol.UUID `cbor:"5,keyasint"`
	Limits       Limits        `cbor:"6,keyasint"`
	RuleRevision uint64        `cbor:"7,keyasint,omitempty"` // of hosted's rules for this sensor, 0: none
	Cursor       Cursor        `cbor:"8,keyasint"`
	Clock        protocol.Time `cbor:"9,keyasint"`
	Server       string        `cbor:"10,keyasint"` // hosted's version
}

// Limits are what hosted allows the sensor.
type Limits struct {
	MaxChannels int `cbor:"1,keyasint"`           // concurrent calls analysed with media
	MaxBatch    int `cbor:"2,keyasint"`           // CDRs in a batch
	Days        int `cbor:"3,keyasint,omitempty"` // that hosted keeps calls; 0: not said
}

// Cursor is how far hosted holds the sensor's CDRs: every record of Epoch below Next, and all earlier epochs.
type Cursor struct {
	Epoch uint64 `cbor:"1,keyasint"`
	Next  uint64 `cbor:"2,keyasint"`
}

// Batch is consecutive CDRs, numbered from First: POST /v1/cdrs, compressed with zstd. Lost numbers directly before First
// are not to be had any more (the sensor's disk was full, or a part of its journal damaged): hosted may go over that gap
// and no other.
type Batch struct {
	Epoch uint64            `cbor:"1,keyasint"`
	First uint64            `cbor:"2,keyasint"`
	Lost  uint64            `cbor:"3,keyasint,omitempty"`
	CDRs  []cbor.RawMessage `cbor:"4,keyasint"` // protocol.CDR each
}

// FieldSeq is the field of a bad-request that names the one record of a batch that hosted cannot take. The sensor leaves
// it out.
const FieldSeq = "seq"

// BatchAnswer follows the commit.
type BatchAnswer struct {
	Cursor Cursor `cbor:"1,keyasint"`
}

// Session is the sensor's answer to GET /link/v1/session on a down or bulk connection: which hello it belongs to.
type Session struct {
	Session []byte `cbor:"1,keyasint"`
}
