package connectformat

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// Names of header fields, in the form that transport.Header has them.
const (
	acceptEncoding        = "Accept-Encoding"
	contentEncoding       = "Content-Encoding"
	contentType           = "Content-Type"
	protocolVersion       = "Connect-Protocol-Version"
	streamAcceptEncoding  = "Connect-Accept-Encoding"
	streamContentEncoding = "Connect-Content-Encoding"
	timeoutMillis         = "Connect-Timeout-Ms"
	trailerPrefix         = "Trailer-"
)

const (
	identity      = "identity" // the encoding that is none
	maxTimeoutLen = 10         // digits of a timeout
	maxTimeout    = 9999999999 // milliseconds
)

// formatTimeout returns d in milliseconds, at least one.
func formatTimeout(d time.Duration) string {
	return strconv.FormatInt(min(max(d.Milliseconds(), 1), maxTimeout), 10)
}

// parseTimeout returns the timeout that h demands, or 0 if there is none.
func parseTimeout(h transport.Header) (time.Duration, error) {
	values := h[timeoutMillis]
	if len(values) == 0 {
		return 0, nil
	}
	ms, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || len(values[0]) > maxTimeoutLen {
		return 0, status.Errorf(status.InvalidArgument, "%s %.32q is not a number of at most %d digits",
			timeoutMillis, values[0], maxTimeoutLen)
	}
	timeout := time.Duration(ms) * time.Millisecond //nolint:gosec // ten digits
	return max(timeout, 1), nil                     // 0 ms have passed when they arrive
}

// compressor returns how that is compressed which h describes in field key, or nil. The error is Unimplemented for one that
// is not among known.
func compressor(h transport.Header, key string, known codec.Compressors) (codec.Compressor, error) {
	return findCompressor(key, httprpc.First(h, key), known)
}

func findCompressor(key, name string, known codec.Compressors) (codec.Compressor, error) {
	if name == "" || name == identity {
		return nil, nil //nolint:nilnil // nil is a compressor that does nothing
	}
	if c := known.Find(name); c != nil {
		return c, nil
	}
	return nil, status.Errorf(status.Unimplemented, "%s %.32q is not supported; supported: %s", key, name, accepted(known))
}

// accepted returns how a peer may compress what it sends, as headers have it.
func accepted(known codec.Compressors) string {
	if len(known) == 0 {
		return identity
	}
	return known.String()
}

// negotiate returns the first of known that the peer accepts by field key of h, or nil.
func negotiate(h transport.Header, key string, known codec.Compressors) codec.Compressor {
	var best codec.Compressor
	at := len(known)
	for _, value := range h[key] {
		for part := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(part, ";")
			name, weight = strings.TrimSpace(name), strings.ReplaceAll(weight, " ", "")
			i := slices.IndexFunc(known, func(c codec.Compressor) bool { return c.Name() == name })
			if i >= 0 && i < at && weight != "q=0" {
				best, at = known[i], i
			}
		}
	}
	return best
}
