//! The JSON on the wire, shared by the functions and the client.
