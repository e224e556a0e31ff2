"""The encoder of SUMN: a user's behaviours in, one universal vector out."""
