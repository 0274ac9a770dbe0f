package sip

// Method is a request method. Methods that the package does not know are Unknown; their bytes are in Message.MethodText.
type Method uint8

// The methods of RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086 and 6665.
const (
	Unknown Method = iota
	Invite
	Ack
	Bye
	Cancel
	Options
	Register
	Prack
	Update
	Info
	Subscribe
	Notify
	Refer
	MessageMethod
	Publish
	numMethods
)

var methodNames = [numMethods]string{
	"?", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO",
	"SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH",
}

func (m Method) String() string {
	if m >= numMethods {
		return "?"
	}
	return methodNames[m]
}

// MethodOf finds a method by its name. Methods are case sensitive (RFC 3261 section 7.1).
func MethodOf(b []byte) Method {
	switch string(b) {
	case "INVITE":
		return Invite
	case "ACK":
		return Ack
	case "BYE":
		return Bye
	case "CANCEL":
		return Cancel
	case "OPTIONS":
		return Options
	case "REGISTER":
		return Register
	case "PRACK":
		return Prack
	case "UPDATE":
		return Update
	case "INFO":
		return Info
	case "SUBSCRIBE":
		return Subscribe
	case "NOTIFY":
		return Notify
	case "REFER":
		return Refer
	case "MESSAGE":
		return MessageMethod
	case "PUBLISH":
		return Publish
	}
	return Unknown
}
