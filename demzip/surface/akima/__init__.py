"""The method bicubic-akima: slopes that steps and spikes disturb little."""
