"""The methods of `Workbench`, in classes by task; each class is the base of the next.

`ReadMethods` and `WriteMethods` read and fill a store, `DecisionMethods`, `ActMethods` and
`ReviewMethods` decide and act on files, `PairMethods` compares two pictures, `LikenessMethods` and
`ReportMethods` make maps and reports, `PanelMethods` shows widgets. No widget is defined here, and
computations belong in the services `search` and `clusters`.
"""
