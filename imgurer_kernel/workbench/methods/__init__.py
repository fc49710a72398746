"""The methods of `Workbench`, in classes by what they do; each is the base of the next.

`ReadMethods` and `WriteMethods` read and fill a store, `DecisionMethods`, `ActMethods` and
`ReviewMethods` decide and act on files, `PairMethods` compares two pictures, `LikenessMethods` and
`ReportMethods` make maps and reports, `PanelMethods` shows widgets. No widget is made here, and
nothing is computed that a service of `search` or `clusters` could compute.
"""
