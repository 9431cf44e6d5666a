package objectrpc

import "time"

// drainGrace is how long a client may take to close after the last of its calls on a connection that drains.
const drainGrace = time.Second

// A pipeServer is the answering side of a connection.
type pipeServer struct {
	conn
	session *session
	grace   *time.Timer // guarded by session.mu
}

// leave refuses further calls, says so to a peer that understands it, and lets the connection end with the last call.
func (s *pipeServer) leave() {
	s.session.mu.Lock()
	extended := s.session.extended
	s.session.mu.Unlock()
	if extended {
		s.session.answer(&Frame{Type: GoAway}, &s.conn)
	}
	s.session.drain()
}

// waitForClient closes the connection a moment after its last call, because a connection that is closed with bytes of the
// client unread could take the last responses with it. s.session.mu is held.
func (s *pipeServer) waitForClient() {
	if s.grace == nil {
		s.grace = time.AfterFunc(drainGrace, func() { s.fail(errClosed) })
	}
}

func (s *pipeServer) stopGrace() {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.grace != nil {
		s.grace.Stop()
	}
}
