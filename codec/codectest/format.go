package codectest

import (
	"testing"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/internal/leakcheck"
)

// A Format is a format on a transport, for [RunFormat] to test.
type Format struct {
	// Start starts a server whose calls h serves, and which ends with the test and waits for what it started. Codecs and
	// Limits of both configurations are set.
	Start func(t *testing.T, h codec.Handler, server, client codec.Config) Server
	// FullDuplex tells whether a response may overtake the end of its request.
	FullDuplex bool
	// Codec is the only one that the format speaks, whatever a call asks for; nil if calls choose.
	Codec codec.Codec
}

// codec returns the codec of a call that asks for c.
func (f Format) codec(c codec.Codec) codec.Codec {
	if f.Codec != nil {
		return f.Codec
	}
	return c
}

// A Server is what [Format].Start returns.
type Server struct {
	// Dial connects to the server. The suite closes what it returns.
	Dial func(t *testing.T) codec.Conn
	// Cut closes, without a word to either side, every network connection that the server has. If it is nil, the cases
	// that need it are skipped.
	Cut func()
}

// RunFormat tests that a format behaves as every format must. It must not run beside other tests, since it looks for
// goroutines that are left.
func RunFormat(t *testing.T, f Format) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f Format)
	}{
		{"Proto", func(t *testing.T, f Format) { formatKinds(t, f, protocodec.Codec{}) }},
		{"JSON", func(t *testing.T, f Format) { formatKinds(t, f, jsoncodec.Codec{}) }},
		{"EmptyMessages", formatEmptyMessages},
		{"AnswersAfterHalfClose", formatHalfClose},
		{"PingPong", formatPingPong},
		{"UnknownMethod", formatUnknownMethod},
		{"Meta", formatMeta},
		{"MetaWithErrors", formatMetaWithErrors},
		{"HeaderBeforeMessages", formatHeaderFirst},
		{"Errors", formatErrors},
		{"OtherErrors", formatOtherErrors},
		{"DeadlineTravels", formatDeadlineTravels},
		{"DeadlineEndsAWaitingHandler", formatDeadlineUnblocks},
		{"DeadlineOfTheClient", formatClientDeadline},
		{"Cancel", formatCancel},
		{"CancelWhileReceiving", formatCancelUpload},
		{"CloseOfTheConn", formatConnClose},
		{"OpenAfterClose", formatOpenAfterClose},
		{"Cut", formatCut},
		{"EarlyOutcome", formatEarlyOutcome},
		{"EarlyResponse", formatEarlyResponse},
		{"RequestLimit", formatRequestLimit},
		{"ResponseLimit", formatResponseLimit},
		{"SlowReceiver", formatSlowReceiver},
		{"SlowHandler", formatSlowHandler},
		{"ManyMessages", formatManyMessages},
		{"LargeMessages", formatLargeMessages},
		{"ConcurrentCalls", formatConcurrentCalls},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, f)
		})
		if left := leakcheck.Wait(5 * time.Second); len(left) > 0 {
			t.Fatalf("%s left %d goroutines behind:\n\n%s", c.name, len(left), left[0])
		}
	}
}
