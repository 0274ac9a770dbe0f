package protocol

import (
	"cmp"
	"slices"
)

// Transaction is the record of one SIP request outside of calls and of its final response (RFC 3261 section 17): REGISTER,
// SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE or OPTIONS. A request that was challenged, or told to ask for a longer time (423), and was
// sent again is one transaction with the first attempt. Each hop that the sensor sees is a transaction of its own.
//
// Failing REGISTERs of one address of record, source address and result are not told one by one: the first is, and those that
// follow within the minute are one more record, with their Count.
type Transaction struct {
	Method     string `json:"method" cbor:"1,keyasint"`
	CallID     string `json:"call_id" cbor:"2,keyasint"`
	SensorID   uint16 `json:"sensor_id" cbor:"3,keyasint"`
	From       string `json:"from" cbor:"4,keyasint,omitempty"` // user part
	FromDomain string `json:"from_domain" cbor:"5,keyasint,omitempty"`
	To         string `json:"to" cbor:"6,keyasint,omitempty"` // user part
	ToDomain   string `json:"to_domain" cbor:"7,keyasint,omitempty"`
	AOR        string `json:"aor" cbor:"8,keyasint,omitempty"` // address of record, user@domain of To; of a REGISTER only

	Contacts []string `json:"contacts" cbor:"9,keyasint,omitempty"` // URIs of the request, four at most; "*" stands for all
	Expires  *int64   `json:"expires" cbor:"10,keyasint,omitempty"` // seconds granted, else asked for; nil when nobody said
	Event    string   `json:"event" cbor:"11,keyasint,omitempty"`   // event package (RFC 6665)

	Src       string `json:"src" cbor:"12,keyasint"` // of the request, "ip:port" or "[v6]:port"
	Dst       string `json:"dst" cbor:"13,keyasint"`
	Transport string `json:"transport" cbor:"14,keyasint"` // udp tcp ws tls wss sctp
	UserAgent string `json:"user_agent" cbor:"15,keyasint,omitempty"`

	First      Time `json:"first" cbor:"16,keyasint"`                // the first request
	Last       Time `json:"last" cbor:"17,keyasint"`                 // the last message
	Attempts   int  `json:"attempts" cbor:"18,keyasint"`             // times the request was sent, retransmissions and retries included
	Challenges int  `json:"challenges" cbor:"19,keyasint,omitempty"` // 401 and 407 that asked for credentials

	Status     int            `json:"status" cbor:"20,keyasint,omitempty"`      // of the final response, 0: none
	Reason     string         `json:"reason" cbor:"21,keyasint,omitempty"`      // its phrase
	ResponseMS *float64       `json:"response_ms" cbor:"22,keyasint,omitempty"` // from the first copy of the last attempt to its answer
	End        TransactionEnd `json:"end" cbor:"23,keyasint"`

	// Count is how many transactions the record tells of. First and Last span them, Attempts and Challenges add up, the rest
	// is the first one's.
	Count int `json:"count" cbor:"24,keyasint"`

	Findings []Finding `json:"findings" cbor:"25,keyasint,omitempty"`
}

// TransactionEnd says how a transaction ended.
type TransactionEnd string

// The ways a transaction ends.
const (
	TransactionAnswered     TransactionEnd = "answered"
	TransactionTimeout      TransactionEnd = "timeout"      // no final response within 32 s (timer F, RFC 3261 section 17.1.2)
	TransactionUnterminated TransactionEnd = "unterminated" // the input ended first
)

// RegistrationState says where a registration stands.
type RegistrationState string

// The states of a registration.
const (
	Registered          RegistrationState = "registered"
	RegistrationExpired RegistrationState = "expired" // its time has run out without a refresh
	RegistrationFailing RegistrationState = "failing" // the last attempt was refused or not answered
	Unregistered        RegistrationState = "unregistered"
)

// Registration is the state of one contact of an address of record (RFC 3261 section 10), as its REGISTERs tell it.
type Registration struct {
	SensorID  uint16            `json:"sensor_id" cbor:"1,keyasint"`
	State     RegistrationState `json:"state" cbor:"2,keyasint"`
	AOR       string            `json:"aor" cbor:"3,keyasint"`
	Contact   string            `json:"contact" cbor:"4,keyasint"` // URI; "" when the failing requests named none
	Src       string            `json:"src" cbor:"5,keyasint"`     // of the last request
	Dst       string            `json:"dst" cbor:"6,keyasint"`
	Transport string            `json:"transport" cbor:"7,keyasint"`
	UserAgent string            `json:"user_agent" cbor:"8,keyasint,omitempty"`
	Since     Time              `json:"since" cbor:"9,keyasint,omitempty"`    // registered without a break; null before the first success
	Refresh   Time              `json:"refresh" cbor:"10,keyasint,omitempty"` // the last success
	Until     Time              `json:"until" cbor:"11,keyasint,omitempty"`   // when it runs out, or ran out
	Attempt   Time              `json:"attempt" cbor:"12,keyasint"`           // the last result, good or bad
	Failures  int               `json:"failures" cbor:"13,keyasint"`          // since the last success
	Status    int               `json:"status" cbor:"14,keyasint,omitempty"`  // of the last attempt, 0: no answer
	Reason    string            `json:"reason" cbor:"15,keyasint,omitempty"`
	RTTMS     *float64          `json:"rtt_ms" cbor:"16,keyasint,omitempty"` // time to the last answer
}

// SortRegistrations puts a list into the order of address of record, contact and sensor.
func SortRegistrations(list []Registration) {
	slices.SortFunc(list, func(a, b Registration) int {
		return cmp.Or(cmp.Compare(a.AOR, b.AOR), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.SensorID, b.SensorID))
	})
}
