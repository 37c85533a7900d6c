//! Object storage behind one small trait: key layout, safe pack and unpack, content hash.
