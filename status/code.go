package status

import "strconv"

// A Code says in which way a call failed. Numbers and meanings are gRPC's, names are written as Connect writes them.
type Code uint32

// The codes, as https://grpc.io/docs/guides/status-codes defines them.
const (
	OK                 Code = iota // not an error
	Canceled                       // the caller gave up
	Unknown                        // an error without a code
	InvalidArgument                // the request is wrong whatever the state of the system
	DeadlineExceeded               // the deadline passed first
	NotFound                       // what was asked for does not exist
	AlreadyExists                  // what was to be created exists
	PermissionDenied               // the caller is known and may not
	ResourceExhausted              // a quota or a limit is used up
	FailedPrecondition             // the state of the system forbids it; do not retry unchanged
	Aborted                        // a conflict; retry the larger transaction
	OutOfRange                     // past the valid range; may become valid
	Unimplemented                  // no such service or method here
	Internal                       // an invariant is broken
	Unavailable                    // try again with a backoff
	DataLoss                       // data is lost or damaged beyond repair
	Unauthenticated                // the caller is not known
)

var names = [...]string{
	"ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
	"permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented",
	"internal", "unavailable", "data_loss", "unauthenticated",
}

// String returns the name of c, such as "not_found", and "code_42" for a number without a name.
func (c Code) String() string {
	if int(c) < len(names) {
		return names[c]
	}
	return "code_" + strconv.FormatUint(uint64(c), 10)
}

// ParseCode returns the code with the given name, and whether there is one.
func ParseCode(name string) (Code, bool) {
	for c, n := range names {
		if n == name {
			return Code(c), true
		}
	}
	return Unknown, false
}
