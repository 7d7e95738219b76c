"""demzip beside other codecs: sizes and speeds on identical samples, tables and charts of them."""
