package store

import (
	"context"
	"time"

	"voiptop/protocol"
)

// HealthAge is how long what sensors said of their work is kept.
const HealthAge = 7 * 24 * time.Hour

// HealthSample is what a sensor said of its work, once a minute while it was online. Counters are since its process began: one
// that is lower than in the sample before began anew.
type HealthSample struct {
	At      protocol.Time `cbor:"-"` // full minute
	Started protocol.Time `cbor:"1,keyasint,omitempty"`

	Running   int `cbor:"2,keyasint,omitempty"` // calls
	OverLimit int `cbor:"3,keyasint,omitempty"` // of them, beyond the channels

	Packets uint64 `cbor:"4,keyasint,omitempty"`
	Drops   uint64 `cbor:"5,keyasint,omitempty"` // packets and messages that were lost before they were looked at
	Calls   uint64 `cbor:"6,keyasint,omitempty"` // that ended

	Queue   uint64 `cbor:"7,keyasint,omitempty"` // CDRs that wait
	LagMS   int64  `cbor:"8,keyasint,omitempty"` // age of the oldest of them
	LostCDR uint64 `cbor:"9,keyasint,omitempty"` // CDRs that were dropped because the disk was full

	SpoolBytes uint64 `cbor:"10,keyasint,omitempty"`
	SpoolFree  uint64 `cbor:"11,keyasint,omitempty"` // on its file system
	SkewMS     int64  `cbor:"12,keyasint,omitempty"` // its clock against ours, to half of RTTMS
	RTTMS      int64  `cbor:"13,keyasint,omitempty"` // of the question

	Problem *protocol.Problem `cbor:"14,keyasint,omitempty"` // the gravest, nil: none

	KernelDrops uint64 `cbor:"15,keyasint,omitempty"` // of Drops, those of the kernel's ring
}

// SensorHealth is a sample and whose it is.
type SensorHealth struct {
	Tenant TenantID
	Sensor protocol.UUID
	HealthSample
}

// HealthLog is the part of a Store about what sensors said of their work. Samples are forgotten after HealthAge.
type HealthLog interface {
	// AddHealth stores samples; one of the same sensor and minute is replaced.
	AddHealth(ctx context.Context, samples []SensorHealth) error
	// Health reads the samples of a sensor in [from, to), in order.
	Health(ctx context.Context, t TenantID, sensor protocol.UUID, from, to protocol.Time) ([]HealthSample, error)
	// LastHealth is the newest sample of each of a tenant's sensors that has any.
	LastHealth(ctx context.Context, t TenantID) (map[protocol.UUID]HealthSample, error)
}
