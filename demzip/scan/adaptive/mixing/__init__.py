"""Binary decisions whose chances are mixed from several contexts."""
