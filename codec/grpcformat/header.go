package grpcformat

import (
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/transport"
)

// Names of header fields, in the form that transport.Header has them.
const (
	acceptEncoding   = "Grpc-Accept-Encoding"
	contentType      = "Content-Type"
	encoding         = "Grpc-Encoding"
	previousAttempts = "Grpc-Previous-Rpc-Attempts"
	timeout          = "Grpc-Timeout"
	userAgent        = "User-Agent"

	grpcDetails = "Grpc-Status-Details-Bin"
	grpcMessage = "Grpc-Message"
	grpcStatus  = "Grpc-Status"
)

const (
	identity  = "identity" // the encoding that is none
	agentName = "grpc-go-micro/1"
)

// joined returns the values of a key as one, so that one which must not stand twice is not valid if it does.
func joined(h transport.Header, key string) string { return strings.Join(h[key], ",") }

// encodingOf returns the compression that h names, or "" for none.
func encodingOf(h transport.Header) string {
	if e := joined(h, encoding); e != identity {
		return e
	}
	return ""
}

// accepted returns what can be decompressed, as headers have it.
func accepted(cs codec.Compressors) string {
	if len(cs) == 0 {
		return identity
	}
	return cs.String()
}

// choose returns how the messages of a response are compressed: as those of the request, or in the first way that the
// client accepts and that is known here; nil for not at all. own is how the request is compressed, or nil.
func choose(h transport.Header, own codec.Compressor, known codec.Compressors) codec.Compressor {
	offers, ok := h[acceptEncoding]
	if !ok {
		return own
	}
	var first codec.Compressor
	for _, offer := range offers {
		for name := range strings.SplitSeq(offer, ",") {
			c := known.Find(strings.TrimSpace(name))
			if c != nil && own != nil && c.Name() == own.Name() {
				return c
			}
			if first == nil {
				first = c
			}
		}
	}
	return first
}
