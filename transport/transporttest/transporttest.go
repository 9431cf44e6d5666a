// Package transporttest is the suite that every stream transport passes, with and without TLS over it.
package transporttest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/protomicro/micro/transport"
)

const (
	patience = 20 * time.Second      // what takes longer is stuck
	moment   = 50 * time.Millisecond // what is waited for when nothing must happen
)

// Run tests the transports that open returns, each with an address that one listener can have; the listener's Addr is
// what is dialed.
func Run(t *testing.T, open func(t *testing.T) (tr transport.Transport, addr string)) {
	t.Helper()
	t.Run("Plain", func(t *testing.T) {
		runStream(t, open)
		run(t, open, map[string]func(*testing.T, *network){
			"WriteDeadlineLosesNothing": writeDeadlineLosesNothing,
			"ListenerCloseRefuses":      listenerCloseRefuses,
			"DialEnded":                 dialEnded,
			"DialNobody":                dialNobody,
			"AddressInUse":              addressInUse,
			"AddressIsFreeAgain":        addressIsFreeAgain,
			"ListenEnded":               listenEnded,
			"HandshakeVerifies":         handshakeVerifies,
			"HandshakeEndsWithContext":  handshakeEndsWithContext,
			"HandshakeRefusesOldTLS":    handshakeRefusesOldTLS,
			"ServerNameFromAddr":        serverNameFromAddr,
		})
	})
	t.Run("TLS", func(t *testing.T) {
		certs := newCerts(t)
		runStream(t, func(t *testing.T) (transport.Transport, string) {
			tr, addr := open(t)
			return &tlsTransport{Transport: tr, certs: certs}, addr
		})
	})
}

// runStream runs what holds of every stream of bytes.
func runStream(t *testing.T, open func(t *testing.T) (transport.Transport, string)) {
	run(t, open, map[string]func(*testing.T, *network){
		"Echo":                 echo,
		"LargeBothWays":        largeBothWays,
		"ManyConnections":      manyConnections,
		"ConcurrentWrites":     concurrentWrites,
		"SlowReceiver":         slowReceiver,
		"ReadDeadline":         readDeadline,
		"DeadlineInThePast":    deadlineInThePast,
		"CloseUnblocksRead":    closeUnblocksRead,
		"CloseUnblocksWrite":   closeUnblocksWrite,
		"CloseUnblocksAccept":  closeUnblocksAccept,
		"PeerCloses":           peerCloses,
		"PeerClosesOnWriter":   peerClosesOnWriter,
		"UseAfterClose":        useAfterClose,
		"ConcurrentClose":      concurrentClose,
		"Addrs":                addrs,
		"ConnOutlivesListener": connOutlivesListener,
	})
}

func run(t *testing.T, open func(t *testing.T) (transport.Transport, string), tests map[string]func(*testing.T, *network)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tr, addr := open(t)
			l, err := tr.Listen(t.Context(), addr)
			if err != nil {
				t.Fatalf("Listen(%q) = %v", addr, err)
			}
			t.Cleanup(func() { _ = l.Close() })
			test(t, &network{tr, l, l.Addr().String()})
		})
	}
}

// A network is a transport with a listener on it.
type network struct {
	transport.Transport
	net.Listener
	addr string
}

// pair returns the two ends of a connection; both are closed when the test ends.
func (n *network) pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	var acceptErr error
	wg.Go(func() { server, acceptErr = n.Accept() })
	client, err := n.Dial(ctx, n.addr)
	if err != nil {
		_ = n.Close()
	}
	wg.Wait()
	if err != nil || acceptErr != nil {
		t.Fatalf("Dial(%q) = %v, Accept = %v", n.addr, err, acceptErr)
	}
	for _, nc := range []net.Conn{server, client} {
		t.Cleanup(func() { _ = nc.Close() })
		if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}

// within fails the test if f takes too long, once f has ended.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > patience/2 {
		t.Errorf("%s takes %v", what, took)
	}
}
