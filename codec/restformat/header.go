package restformat

import (
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/transport"
)

// Names of header fields, in the form that transport.Header has them.
const (
	accept          = "Accept"
	acceptEncoding  = "Accept-Encoding"
	allow           = "Allow"
	cacheControl    = "Cache-Control"
	contentEncoding = "Content-Encoding"
	contentLength   = "Content-Length"
	contentType     = "Content-Type"
	serverTimeout   = "X-Server-Timeout"
	trailerPrefix   = "Trailer-"
)

// Content types.
const (
	typeJSON   = "application/json"
	typeLines  = "application/x-ndjson"
	typeEvents = "text/event-stream"
	typeBytes  = "application/octet-stream"
)

const (
	identity      = "identity" // the encoding that is none
	maxTimeoutLen = 16         // characters of a timeout
	maxTimeout    = 1e9        // seconds
)

func mediaType(h transport.Header) string { return httprpc.MediaType(h) }

// isJSON tells whether a content type is that of JSON in UTF-8.
func isJSON(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return false
	}
	return t == typeJSON || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json")
}

// acceptsEvents tells whether h names server-sent events among what the client takes.
func acceptsEvents(h transport.Header) bool {
	for _, value := range h[accept] {
		for part := range strings.SplitSeq(value, ",") {
			t, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(t), typeEvents) {
				return true
			}
		}
	}
	return false
}

// parseTimeout returns the timeout that h demands, or 0 if there is none.
func parseTimeout(h transport.Header) (time.Duration, error) {
	values := h[serverTimeout]
	if len(values) == 0 {
		return 0, nil
	}
	text := values[0]
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "0123456789.") != "" || len(text) > maxTimeoutLen || seconds > maxTimeout {
		return 0, invalid("%s %.32q is not a number of seconds", serverTimeout, text)
	}
	return max(time.Duration(seconds*float64(time.Second)), 1), nil // 0 s have passed when they arrive
}

// parseMeta returns the metadata in h.
func parseMeta(h transport.Header) (codec.Meta, error) {
	meta, _, err := httprpc.SplitMeta(h)
	if err != nil {
		return nil, err
	}
	kept := meta[:0]
	for _, f := range meta {
		if !strings.EqualFold(f.Key, serverTimeout) {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// negotiate returns the best of the compressors that h says the client takes, or nil.
func negotiate(h transport.Header, known codec.Compressors) codec.Compressor {
	taken := make(map[string]bool)
	for _, value := range h[acceptEncoding] {
		for part := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(part, ";")
			weight, weighted := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			if q, err := strconv.ParseFloat(weight, 64); !weighted || err == nil && q > 0 {
				taken[strings.ToLower(strings.TrimSpace(name))] = true
			}
		}
	}
	for _, c := range known {
		if taken[c.Name()] {
			return c
		}
	}
	return nil
}
