package grpcformat

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// codeOf returns the code for a response that has none, but an HTTP status.
func codeOf(httpStatus int) status.Code {
	switch httpStatus {
	case 400:
		return status.Internal
	case 401:
		return status.Unauthenticated
	case 403:
		return status.PermissionDenied
	case 404:
		return status.Unimplemented
	case 429, 502, 503, 504:
		return status.Unavailable
	}
	return status.Unknown
}

// setOutcome adds to h what says the outcome of a call.
func setOutcome(h transport.Header, err *status.Error) {
	if err == nil {
		httprpc.Set(h, grpcStatus, "0")
		return
	}
	if err.Code == status.OK || err.Code > status.Unauthenticated {
		err = &status.Error{Code: status.Unknown, Message: err.Message, Details: err.Details} // gRPC has no other codes
	}
	err = fitting(err)
	httprpc.Set(h, grpcStatus, strconv.Itoa(int(err.Code)))
	if err.Message != "" {
		httprpc.Set(h, grpcMessage, encodeMessage(err.Message))
	}
	if len(err.Details) > 0 {
		httprpc.Set(h, grpcDetails, base64.RawStdEncoding.EncodeToString(marshalStatus(err)))
	}
}

// Trailers that are longer than what peers and proxies take end the connection instead of the call: HTTP/2 in Node.js has a
// limit of 64 KiB for all of them.
const (
	maxMessage = 4 << 10
	maxDetails = 32 << 10
)

// fitting returns err with a message and with details that fit into trailers. The message tells what was left out.
func fitting(err *status.Error) *status.Error {
	message, details := err.Message, err.Details
	size := 0
	for _, detail := range details {
		size += len(detail.GetTypeUrl()) + len(detail.GetValue())
	}
	left := ""
	if size > maxDetails {
		left, details = fmt.Sprintf(" (details of %d bytes left out)", size), nil
	}
	if len(message) > maxMessage {
		left = fmt.Sprintf("… (cut from %d bytes)", len(message)) + left
		message = strings.ToValidUTF8(message[:maxMessage], "")
	}
	return &status.Error{Code: err.Code, Message: message + left, Details: details}
}

// parseOutcome returns the metadata and the outcome in h, io.EOF for success.
func parseOutcome(h transport.Header) (codec.Meta, error) {
	meta, _, metaErr := httprpc.SplitMeta(h)
	text := joined(h, grpcStatus)
	number, err := strconv.ParseUint(text, 10, 32)
	switch {
	case text == "":
		return meta, status.Errorf(status.Unknown, "the response has no grpc-status: %s", decodeMessage(httprpc.First(h, grpcMessage)))
	case err != nil:
		return meta, status.Errorf(status.Unknown, "the response has the grpc-status %.32q, which is not a number: %s",
			text, decodeMessage(httprpc.First(h, grpcMessage)))
	case number != 0:
		return meta, parseError(status.Code(number), h)
	case metaErr != nil:
		return meta, status.Errorf(status.Internal, "%s", status.From(metaErr).Message)
	}
	return meta, io.EOF
}

// parseError returns the error with the given code whose message and details are in h.
func parseError(code status.Code, h transport.Header) *status.Error {
	e := &status.Error{Code: code, Message: decodeMessage(httprpc.First(h, grpcMessage))}
	if full, ok := parseDetails(h); ok {
		if full.Code != code {
			return status.Errorf(status.Internal,
				"the response has the grpc-status %d, and in its grpc-status-details-bin the code %d: %s", code, full.Code, e.Message)
		}
		e.Details = full.Details
		if full.Message != "" {
			e.Message = full.Message
		}
	}
	if e.Code > status.Unauthenticated {
		e.Code = status.Unknown
	}
	return e
}

// parseDetails returns the error in "grpc-status-details-bin", if that is valid: the outcome stands without it, too.
func parseDetails(h transport.Header) (err *status.Error, ok bool) {
	values := h[grpcDetails]
	if len(values) == 1 && values[0] != "" {
		if b, err := httprpc.DecodeBase64(values[0]); err == nil {
			return unmarshalStatus(b)
		}
	}
	return nil, false
}
