package codec

import "time"

// Limits bound what one peer can make this side hold, and how long it may stay silent. A field that is zero stands for
// its default, so the zero value is safe.
type Limits struct {
	MessageBytes     int           // the largest message accepted; default 4 MiB
	HeaderBytes      int           // the largest head of a call or of a response, metadata included; default 64 KiB
	Calls            int           // calls a peer may have running on one connection; default 100
	WindowBytes      int           // bytes of whole messages held for a receiver that is behind, per call; default 1 MiB
	HandshakeTimeout time.Duration // from connecting to the end of TLS and preface, and for each HTTP head; default 10 s
	PingInterval     time.Duration // a connection silent for that long is pinged; default 30 s
	PingTimeout      time.Duration // a connection that leaves a ping unanswered for that long is closed; default 15 s
	IdleTimeout      time.Duration // an HTTP connection without a request for that long is closed; default 2 min
	ReadTimeout      time.Duration // an HTTP request whose message has begun and does not go on for that long ends; default 30 s
	WriteTimeout     time.Duration // a connection that takes less than 64 KiB of what waits in that time is closed; default 30 s
}

// WithDefaults returns l with every zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.MessageBytes = orDefault(l.MessageBytes, 4<<20)
	l.HeaderBytes = orDefault(l.HeaderBytes, 64<<10)
	l.Calls = orDefault(l.Calls, 100)
	l.WindowBytes = orDefault(l.WindowBytes, 1<<20)
	l.HandshakeTimeout = orDefault(l.HandshakeTimeout, 10*time.Second)
	l.PingInterval = orDefault(l.PingInterval, 30*time.Second)
	l.PingTimeout = orDefault(l.PingTimeout, 15*time.Second)
	l.IdleTimeout = orDefault(l.IdleTimeout, 2*time.Minute)
	l.ReadTimeout = orDefault(l.ReadTimeout, 30*time.Second)
	l.WriteTimeout = orDefault(l.WriteTimeout, 30*time.Second)
	return l
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
