package restformat

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/status"
)

// The HTTP statuses that have a meaning of their own here.
const (
	httpOK               = 200
	httpNotFound         = 404
	httpMethodNotAllowed = 405
	httpURITooLong       = 414
	httpUnsupportedMedia = 415
	httpNotImplemented   = 501
)

// httpStatus returns the HTTP status of a code.
func httpStatus(code status.Code) int {
	switch code {
	case status.InvalidArgument, status.FailedPrecondition, status.OutOfRange:
		return 400
	case status.Unauthenticated:
		return 401
	case status.PermissionDenied:
		return 403
	case status.NotFound:
		return httpNotFound
	case status.AlreadyExists, status.Aborted:
		return 409
	case status.ResourceExhausted:
		return 429
	case status.Canceled:
		return 499
	case status.Unimplemented:
		return httpNotImplemented
	case status.Unavailable:
		return 503
	case status.DeadlineExceeded:
		return 504
	default:
		return 500
	}
}

// A wireError is a google.rpc.Status as it is written in JSON.
type wireError struct {
	Code    status.Code       `json:"code"`
	Message string            `json:"message,omitempty"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// An unknownDetail is a detail of a type that this binary does not know.
type unknownDetail struct {
	Type  string `json:"@type"`
	Value []byte `json:"value"` // in base64
}

// appendError appends err in JSON.
func appendError(dst []byte, err *status.Error) []byte {
	wire := wireError{Code: err.Code, Message: err.Message}
	if err.Code == status.OK || err.Code > status.Unauthenticated {
		wire.Code = status.Unknown
	}
	for _, detail := range err.Details {
		wire.Details = append(wire.Details, detailJSON(detail))
	}
	b, _ := json.Marshal(wire) //nolint:errchkjson // cannot fail: the details are valid JSON
	return append(dst, b...)
}

// detailJSON returns the JSON of a detail.
func detailJSON(detail *anypb.Any) json.RawMessage {
	b, err := protojson.Marshal(detail)
	if err == nil {
		return b
	}
	b, _ = json.Marshal(unknownDetail{detail.GetTypeUrl(), detail.GetValue()}) //nolint:errchkjson // cannot fail
	return b
}
