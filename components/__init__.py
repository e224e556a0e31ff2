"""TFX components of the SUMN pipeline that TFX itself does not have."""
