package runtime

import (
	"context"

	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// Local returns a client that calls s within the process, for tests: messages are encoded, metadata and deadlines travel,
// and limits hold, as between two machines. Closing the client stops the server.
func Local(s *Server) *Client {
	const name = "local"
	network := memtransport.New()
	ctx, cancel := context.WithCancel(context.Background()) // ends when the client is closed
	c := &Client{Addrs: []string{network.Scheme() + "://" + name}, Transports: []transport.Transport{network}}
	l, err := network.Listen(ctx, name)
	if err != nil { // a fresh network has no other listener
		c.onEnd = func() error { cancel(); return err }
		return c
	}
	served := make(chan struct{})
	go func() { // Close waits for it
		defer close(served)
		err = s.Serve(ctx, l)
	}()
	c.onEnd = func() error {
		cancel()
		<-served
		return err
	}
	return c
}
